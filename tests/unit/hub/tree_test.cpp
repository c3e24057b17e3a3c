// Items of listings, as the Hub sends them and as hubkeep writes them.

#include "server/hub/tree.hpp"

#include <gtest/gtest.h>

#include "server/hub/json_text.hpp"
#include "server/hub/metadata.hpp"

namespace hubkeep {
namespace {

const std::string sha1(40, 'a');
const std::string sha256(64, 'b');
const std::string xet(64, 'c');

std::string lfs_item(std::string_view more = "") {
    return R"({"type":"file","oid":")" + sha1 +
           R"(","size":383865448,"path":"model.safetensors","lfs":{"oid":")" + sha256 +
           R"(","size":383865448,"pointerSize":134})" + std::string(more) + '}';
}

std::vector<std::string> elements_of(std::string_view text) {
    std::vector<std::string> found;
    JsonElements elements(text);
    while (const auto element = elements.next()) found.emplace_back(*element);
    return found;
}

std::string written(const TreeItem& item) {
    std::string out;
    append_tree_item(out, item);
    return out;
}

TEST(JsonElements, AreFoundWhateverStandsInThem) {
    using Texts = std::vector<std::string>;
    EXPECT_EQ(elements_of(R"([ {"a":"],["} , [1,[2]],"x,\"]", 7 ,null])"),
              (Texts{R"({"a":"],["})", "[1,[2]]", R"("x,\"]")", "7", "null"}));
    EXPECT_EQ(elements_of("[]"), Texts{});
    EXPECT_EQ(elements_of(" [ ] "), Texts{});
    EXPECT_EQ(elements_of(R"({"a":[1]})"), Texts{});
}

TEST(TreeItems, AnLfsFileIsReadWhole) {
    const auto item = read_tree_item(lfs_item(R"(,"xetHash":")" + xet + '"'));
    ASSERT_TRUE(item) << item.error().message;
    EXPECT_EQ(item->path, "model.safetensors");
    EXPECT_FALSE(item->is_folder);
    EXPECT_EQ(item->size, 383865448u);
    EXPECT_EQ(item->oid->hex(), sha1);
    EXPECT_EQ(item->lfs->hex(), sha256);
    EXPECT_EQ(item->pointer_size, 134u);
    EXPECT_EQ(item->xet_hash, xet);
}

TEST(TreeItems, WhatIsNoXetHashIsNone) {
    // The second is what a hubkeep marks listings with that are not whole.
    for (const std::string wrong : {R"("C0")", R"("incomplete")", "null", "7"}) {
        const auto item = read_tree_item(lfs_item(R"(,"xetHash":)" + wrong));
        ASSERT_TRUE(item) << wrong;
        EXPECT_EQ(item->xet_hash, "") << wrong;
    }
}

TEST(TreeItems, AreWrittenAsTheHubWritesThem) {
    const std::vector<std::string> recorded{
        lfs_item(), lfs_item(R"(,"xetHash":")" + xet + '"'),
        R"({"type":"file","oid":")" + sha1 + R"(","size":0,"path":"a \"b\"ü.txt"})",
        R"({"type":"directory","oid":")" + sha1 + R"(","size":0,"path":"onnx"})"};
    for (const auto& text : recorded) {
        const auto item = read_tree_item(text);
        ASSERT_TRUE(item) << text;
        EXPECT_EQ(written(*item), text);
    }
}

TEST(TreeItems, ExpandedOnesAreReadToo) {
    const auto item = read_tree_item(
        R"({"lastCommit":{"id":"x","title":"a","date":"b"},"securityFileStatus":{"status":"safe"},)"
        R"("type":"file","size":5,"path":"p","oid":")" +
        sha1 + "\"}");
    ASSERT_TRUE(item);
    EXPECT_EQ(item->size, 5u);
}

TEST(TreeItems, WhatCannotBeTrueIsRefused) {
    const std::string oid = R"("oid":")" + sha1 + '"';
    for (const auto& text : std::vector<std::string>{
             std::string("7"), std::string("{}"),
             R"({"type":"file","path":"../x","size":1,)" + oid + "}",
             R"({"type":"file","path":"p",)" + oid + "}",
             R"({"type":"file","path":"p","size":-1,)" + oid + "}",
             std::string(R"({"type":"file","path":"p","size":1})"),
             std::string(R"({"type":"file","path":"p","size":1,"oid":"abc"})"),
             R"({"type":"file","path":"p","size":1,"lfs":{"oid":"zz"},)" + oid + "}"}) {
        EXPECT_FALSE(read_tree_item(text)) << text;
    }
}

TEST(TreeItems, APointerFollowsFromItsFile) {
    TreeItem item{.path = "p", .size = 12345, .lfs = Digest::parse(sha256)};
    complete_pointer(item);
    const auto pointer = lfs_pointer(*item.lfs, 12345);
    EXPECT_EQ(item.pointer_size, pointer.size());
    EXPECT_EQ(item.oid, digest_of(DigestKind::git_sha1, pointer));
    TreeItem told = item;
    told.oid = Digest::parse(sha1);
    told.pointer_size = 200;
    complete_pointer(told);
    EXPECT_EQ(told.oid->hex(), sha1) << "a pointer in a form of its own keeps its name";
}

TEST(TreeItems, AFolderThatWasNeverListedHasNoName) {
    const auto text = written({.path = "d", .is_folder = true});
    EXPECT_EQ(text, R"({"type":"directory","oid":")" + std::string(40, '0') +
                        R"(","size":0,"path":"d"})");
    const auto read = read_tree_item(text);
    ASSERT_TRUE(read);
    EXPECT_FALSE(read->oid);
}

TEST(Siblings, AreReadAndWritten) {
    const std::string text = R"({"rfilename":"m.bin","blobId":")" + sha1 +
                             R"(","size":7,"lfs":{"sha256":")" + sha256 +
                             R"(","size":7,"pointerSize":134}})";
    const auto item = read_sibling(text);
    ASSERT_TRUE(item) << item.error().message;
    EXPECT_EQ(item->lfs->hex(), sha256);
    std::string out;
    append_sibling(out, *item, true);
    EXPECT_EQ(out, text);
    out.clear();
    append_sibling(out, *item, false);
    EXPECT_EQ(out, R"({"rfilename":"m.bin"})");
    EXPECT_FALSE(read_sibling(R"({"rfilename":"m.bin"})")) << "it tells nothing";
}

TEST(Descriptions, TakeOtherSiblings) {
    EXPECT_EQ(with_siblings(R"({"id":"a","siblings":[{"rfilename":"x"}],"z":1})", "[2]"),
              R"({"id":"a","siblings":[2],"z":1})");
    EXPECT_EQ(with_siblings(R"({"id":"a"})", "[2]"), R"({"id":"a","siblings":[2]})");
}

TEST(Descriptions, GiveSomeOfTheirFields) {
    const std::string info = R"({"_id":"1","id":"a/b","likes":3,"tags":["x"],"gated":false})";
    EXPECT_EQ(with_only(info, {"tags", "gated"}),
              R"({"_id":"1","id":"a/b","tags":["x"],"gated":false})");
    EXPECT_EQ(with_only(info, {"id", "likes"}), R"({"_id":"1","id":"a/b","likes":3})");
    EXPECT_FALSE(with_only(info, {"likes", "downloadsAllTime"}));
}

TEST(Descriptions, OfAnUnknownRepoAreJson) {
    const auto text = unknown_info("a/b", sha1, R"([{"rfilename":"x"}])");
    ASSERT_TRUE(check_json(text));
    EXPECT_EQ(member_text(text, "sha"), '"' + sha1 + '"');
    EXPECT_EQ(member_text(text, "siblings"), R"([{"rfilename":"x"}])");
}

}  // namespace
}  // namespace hubkeep
