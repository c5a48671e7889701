#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

extern "C" {
#include "data/tokenizer_sentencepiece.h"
#include "formats/file.h"
}

struct piece_model {
    ::sentencepiece::SentencePieceProcessor processor;
};

namespace {

namespace library = ::sentencepiece;

// Runs `body`; what it throws becomes a failure.
template <class Body> sigmoe_status guarded(const char *what, Body body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return fail(SIGMOE_NO_MEMORY, "no memory to %s", what);
    } catch (const std::exception &e) {
        return fail(SIGMOE_BAD_FORMAT, "cannot %s: %s", what, e.what());
    } catch (...) {
        return fail(SIGMOE_BAD_FORMAT, "cannot %s", what);
    }
}

// The library pulls; a failure of ours ends its loop and is reported after it.
class InputIterator : public library::SentenceIterator {
  public:
    explicit InputIterator(const sentencepiece_input *input) : input_(input) { Next(); }
    bool done() const override { return done_; }
    const std::string &value() const override { return value_; }
    library::util::Status status() const override {
        if (failure == SIGMOE_OK) return library::util::Status();
        return library::util::Status(library::util::StatusCode::kAborted, "stopped");
    }
    void Next() override {
        const char *bytes = nullptr;
        size_t size = 0;
        failure = input_->next(input_->context, &bytes, &size);
        done_ = failure != SIGMOE_OK || bytes == nullptr;
        if (done_) return;
        value_.assign(bytes, size);
        taken++;
    }
    sigmoe_status failure = SIGMOE_OK;
    int64_t taken = 0;

  private:
    const sentencepiece_input *input_;
    bool done_ = false;
    std::string value_;
};

sigmoe_status write_model(const char *path, const std::string &model) {
    file_writer w;
    TRY(file_writer_open(&w, path));
    sigmoe_status status = file_writer_write(&w, model.data(), model.size());
    if (status == SIGMOE_OK) return file_writer_commit(&w);
    file_writer_abandon(&w);
    return status;
}

// "Internal: src/trainer_interface.cc(590) [condition] reason" -> "reason"
std::string reason_of(const library::util::Status &status) {
    std::string text = status.error_message();
    size_t bracket = text.rfind("] ");
    if (bracket == std::string::npos) return "SentencePiece refuses it";
    text = text.substr(bracket + 2);
    while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
    return text.empty() ? "SentencePiece refuses it" : text;
}

// "Vocabulary size is smaller than required_chars. 80 vs 100. ..." -> 100; 0 where it says something else.
int64_t tokens_needed(const std::string &said) {
    size_t place = said.find("required_chars. ");
    if (place != std::string::npos) place = said.find(" vs ", place);
    return place == std::string::npos ? 0 : std::strtoll(said.c_str() + place + 4, nullptr, 10);
}

sigmoe_status explain(const library::util::Status &status, const char *name, int64_t vocab_size) {
    const std::string said = status.error_message();
    const long long needed = tokens_needed(said);
    if (needed > 0)
        return fail(SIGMOE_BAD_ARGUMENT,
            "cannot train a tokenizer of %lld token%s on %s: it has so many characters that it needs at "
            "least "
            "%lld tokens; raise --vocab-size to %lld or more",
            static_cast<long long>(vocab_size), plural(vocab_size), name, needed, needed);
    if (said.find("sentences_.empty()") != std::string::npos)
        return fail(SIGMOE_BAD_FORMAT,
            "cannot train a tokenizer on %s: in each of its lines is U+2585, a character that SentencePiece "
            "keeps for itself",
            name);
    return fail(SIGMOE_BAD_FORMAT, "cannot train a tokenizer on %s: %s", name, reason_of(status).c_str());
}

sigmoe_status train(
    const sentencepiece_input *input, const char *name, int64_t vocab_size, const char *path) {
    // With fewer the library fails on its own three before it has counted what else is needed.
    const int64_t least = 3;
    const std::unordered_map<std::string, std::string> options = {
        {"model_type", "bpe"},
        {"vocab_size", std::to_string(vocab_size < least ? least : vocab_size)},
        {"split_digits", "true"},
        {"hard_vocab_limit", "false"},
        {"minloglevel", "3"},
    };
    InputIterator iterator(input);
    if (iterator.failure != SIGMOE_OK) return iterator.failure;
    if (iterator.done())
        return fail(SIGMOE_BAD_FORMAT,
            "%s has no sentence to train a tokenizer on: none of its lines has 1 to %d bytes", name,
            SENTENCEPIECE_LONGEST);
    std::string model;
    library::util::Status status = library::SentencePieceTrainer::Train(options, &iterator, &model);
    if (iterator.failure != SIGMOE_OK) return iterator.failure;
    return status.ok() ? write_model(path, model) : explain(status, name, vocab_size);
}

sigmoe_status load(const char *path, piece_model **out) {
    file_map map;
    TRY(file_map_open(path, &map));
    piece_model *s = nullptr;
    sigmoe_status status = guarded("load the tokenizer", [&] {
        s = new piece_model;
        library::util::Status loaded = s->processor.LoadFromSerializedProto(
            absl::string_view(reinterpret_cast<const char *>(map.bytes), map.size));
        if (map.size > 0 && loaded.ok() && s->processor.GetPieceSize() > 0) return SIGMOE_OK;
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

sigmoe_status sentencepiece_train(
    const sentencepiece_input *input, const char *name, int64_t vocab_size, const char *path) {
    return guarded("train the tokenizer", [&] { return train(input, name, vocab_size, path); });
}

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
    return s->processor.unk_id();
}

bool sentencepiece_knows_space(const piece_model *s) {
    return s->processor.PieceToId("\xe2\x96\x81") != s->processor.unk_id();
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
}
