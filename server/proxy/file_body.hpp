#pragma once
// FileBody: what an answer sends of a file: stretches of the file as it is or of a layout of frames
// (common/frames.hpp), each behind a text of its own. Its bytes are handed in by their place in the
// file, in order, from the store, from a partial or from memory. Lives in the coroutine of its
// answer.

#include <span>
#include <string>
#include <vector>

#include "common/frames.hpp"
#include "server/http/session.hpp"

namespace hubkeep {

class FileBody {
  public:
    struct Stretch {
        ByteRange physical;  // in the layout
        std::string before;  // sent in front of it
    };

    // The file's own bytes.
    explicit FileBody(ByteRange range);
    // `after` ends the body.
    FileBody(Frames frames, std::vector<Stretch> stretches, std::string after)
        : frames_(frames), stretches_(std::move(stretches)), after_(std::move(after)) {}

    const std::vector<Stretch>& stretches() const { return stretches_; }
    ByteRange file_range(const Stretch& stretch) const { return frames_.data_in(stretch.physical); }
    // The least range of the file that has all of it.
    ByteRange hull() const;
    std::uint64_t length() const;

    // From a file that has all of it.
    Task<Result<void>> send_all(Exchange& exchange, const File& file) const;
    // In this order: begin() and pieces of each stretch, in the end finish(). Pieces are parts of
    // its file_range() and together all of it, be it empty. An error means that the client is lost.
    Task<Result<void>> begin(Exchange& exchange, const Stretch& stretch) const;
    Task<Result<void>> send_file(Exchange& exchange, const Stretch& stretch, const File& file,
                                 ByteRange piece) const;
    Task<Result<void>> send(Exchange& exchange, const Stretch& stretch, std::uint64_t position,
                            std::span<const char> piece) const;
    Task<Result<void>> finish(Exchange& exchange) const;

  private:
    ByteRange physical(const Stretch& stretch, ByteRange piece) const;

    const Frames frames_;
    const std::vector<Stretch> stretches_;
    const std::string after_;
};

}  // namespace hubkeep
