#include "data/sentencepiece_errors.h"

#include <sentencepiece_processor.h>
#include <string>
#include <vector>

extern "C" {
#include "data/tokenizer_sentencepiece.h"
#include "system/file.h"
}

struct piece_model {
    ::sentencepiece::SentencePieceProcessor processor;
    int unknown; // token
};

namespace {

namespace library = ::sentencepiece;

// By its kind. The processor's own unk_id() goes by the name, which another piece may have, and is then -1.
int find_unknown(const library::SentencePieceProcessor &processor) {
    int id = 0;
    while (id < processor.GetPieceSize() && !processor.IsUnknown(id)) id++;
    return id;
}

sigmoe_status load(const char *path, piece_model **out) {
    file_map map;
    TRY(file_map_open(path, &map));
    piece_model *s = nullptr;
    sigmoe_status status = guarded("load the tokenizer", [&] {
        s = new piece_model;
        library::util::Status loaded = s->processor.LoadFromSerializedProto(
            absl::string_view(reinterpret_cast<const char *>(map.bytes), map.size));
        if (map.size > 0 && loaded.ok()) s->unknown = find_unknown(s->processor);
        if (map.size > 0 && loaded.ok() && s->unknown < s->processor.GetPieceSize()) return SIGMOE_OK;
        return fail(SIGMOE_BAD_FORMAT, "%s is no SentencePiece model, or damaged", path);
    });
    file_map_close(&map);
    if (status == SIGMOE_OK)
        *out = s;
    else
        delete s;
    return status;
}

} // namespace

extern "C" {

sigmoe_status sentencepiece_open(const char *path, piece_model **out) {
    return load(path, out);
}

void sentencepiece_close(piece_model *s) {
    delete s;
}

int64_t sentencepiece_vocab_size(const piece_model *s) {
    return s->processor.GetPieceSize();
}

int32_t sentencepiece_unknown(const piece_model *s) {
    return s->unknown;
}

bool sentencepiece_knows_space(const piece_model *s) {
    return s->processor.PieceToId("\xe2\x96\x81") != s->unknown;
}

sigmoe_status sentencepiece_encode(
    const piece_model *s, const char *bytes, size_t size, int32_t *ids, int64_t capacity, int64_t *count) {
    return guarded("encode text", [&] {
        thread_local std::vector<int> found;
        library::util::Status status = s->processor.Encode(absl::string_view(bytes, size), &found);
        if (!status.ok()) return fail(SIGMOE_BAD_FORMAT, "cannot encode text: %s", reason_of(status).c_str());
        if (static_cast<int64_t>(found.size()) > capacity)
            return fail(SIGMOE_BAD_FORMAT, "%zu bytes of text became %zu tokens", size, found.size());
        for (size_t i = 0; i < found.size(); i++) ids[i] = found[i];
        *count = static_cast<int64_t>(found.size());
        return SIGMOE_OK;
    });
}

sigmoe_status sentencepiece_decode(
    const piece_model *s, const int32_t *ids, int64_t count, char *text, size_t capacity, size_t *size) {
    return guarded("decode tokens", [&] {
        std::string decoded;
        for (int64_t i = 0; i < count; i++)
            if (ids[i] < 0 || ids[i] >= s->processor.GetPieceSize())
                return fail(SIGMOE_BAD_ARGUMENT, "token %d is outside of the vocabulary of %d", ids[i],
                    s->processor.GetPieceSize());
        library::util::Status status = s->processor.Decode(std::vector<int>(ids, ids + count), &decoded);
        if (!status.ok())
            return fail(SIGMOE_BAD_FORMAT, "cannot decode tokens: %s", reason_of(status).c_str());
        size_t kept = decoded.size() < capacity ? decoded.size() : capacity - 1;
        decoded.copy(text, kept);
        text[kept] = '\0';
        *size = decoded.size();
        return SIGMOE_OK;
    });
}

const char *sentencepiece_piece(const piece_model *s, int32_t id) {
    if (id < 0 || id >= s->processor.GetPieceSize()) return "";
    return s->processor.IdToPiece(id).c_str();
}

piece_kind sentencepiece_kind(const piece_model *s, int32_t id) {
    if (s->processor.IsUnknown(id)) return PIECE_UNKNOWN;
    if (s->processor.IsByte(id)) return PIECE_BYTE;
    return s->processor.IsControl(id) || s->processor.IsUnused(id) ? PIECE_NO_TEXT : PIECE_TEXT;
}
}
