#include "server/proxy/kept_answers.hpp"

#include "common/digest.hpp"
#include "server/hub/fields.hpp"

namespace hubkeep {
namespace {

// The status of a row that holds no answer: it names the fields by which answers differ.
constexpr int varies = 0;
// The status of a row that only leads to a file.
constexpr int leads_on = 307;

std::string row_key(std::string_view target, std::string_view selected) {
    std::string key = "read\n";
    key += target;
    if (selected.empty()) return key;
    return key + '\n' + digest_of(DigestKind::sha256, selected).hex();
}

}  // namespace

std::shared_ptr<const KeptAnswer> KeptAnswers::find(IoThread& thread, const AnswerKey& key) {
    auto& reader = index_.reader(thread.number());
    auto kept = std::make_shared<KeptAnswer>();
    auto row = reader.listing(key.scope, row_key(key.target, {}));
    if (row && row->status == varies) {
        kept->selected = selection(selecting_fields(fields_from_text(row->headers)), key.asker);
        row = reader.listing(key.scope, row_key(key.target, kept->selected));
    }
    if (!row || row->status == varies) return nullptr;
    kept->status = row->status;
    kept->fields = fields_from_text(row->headers);
    kept->body = std::move(row->body);
    (row->status == leads_on ? kept->file : kept->next) = std::move(row->link);
    kept->received_at = row->fetched_at;
    kept->policy = caching_policy(kept->status, kept->fields, kept->received_at);
    return kept;
}

Task<void> KeptAnswers::keep(const AnswerKey& key, const KeptAnswer& answer) {
    std::vector<IndexWrite> writes;
    if (!answer.selected.empty()) {
        ListingRow row{.status = varies, .fetched_at = answer.received_at};
        row.headers = fields_to_text({{"Vary", joined_field(answer.fields, "vary")}});
        writes.push_back(PutListing{key.scope, row_key(key.target, {}), std::move(row)});
    }
    ListingRow row{.status = answer.status, .body = answer.body, .fetched_at = answer.received_at};
    row.content_type = joined_field(answer.fields, "content-type");
    row.headers = fields_to_text(answer.fields);
    row.link = answer.file.empty() ? answer.next : answer.file;
    if (!answer.file.empty()) row.status = leads_on;
    writes.push_back(PutListing{key.scope, row_key(key.target, answer.selected), std::move(row)});
    // A full disk keeps nobody from the answer; the index has told the log.
    co_await index_.write(std::move(writes));
}

}  // namespace hubkeep
