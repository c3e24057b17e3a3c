#pragma once
// Direct: passes a file from the Hub to one client without keeping it, for when the store has no
// room. A whole file is verified on the way all the same: its last bytes are held back until the
// digest matches. Where the connection breaks it goes on from the next byte.

#include "server/proxy/fetcher.hpp"
#include "server/proxy/file_body.hpp"

namespace hubkeep {

class Direct {
  public:
    Direct(Fetcher& fetcher, BlobStore& store) : fetcher_(fetcher), store_(store) {}

    // Sends the file's bytes of a stretch from `position` on; what is in front of them has been
    // sent. `prefix`, when there is one, holds the bytes of the file before `position` that the
    // client already has.
    Task<Result<void>> send(Exchange& exchange, const Source& source, const FileBody& body,
                            const FileBody::Stretch& stretch, std::uint64_t position,
                            const File* prefix, ByteCounter counter);

  private:
    struct Passing;
    Task<Result<Hasher>> hash_prefix(const Source& source, std::uint64_t length,
                                     const File* prefix);
    Task<Result<void>> pass_rest(Passing& passing);
    Task<Result<void>> pass_piece(Passing& passing, ByteRange piece);
    Fetcher& fetcher_;
    BlobStore& store_;
};

}  // namespace hubkeep
