#include "data/sentencepiece_errors.h"

#include <cstdlib>
#include <sentencepiece_trainer.h>
#include <string>
#include <unordered_map>

extern "C" {
#include "prepare/train_sentencepiece.h"
#include "system/file.h"
}

namespace {

namespace library = ::sentencepiece;

// The library pulls sentences; a failure on our side ends its loop and is reported afterwards.
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

// "Vocabulary size is smaller than required_chars. 80 vs 100. ..." -> 100; 0 where it says something else.
int64_t tokens_needed(const std::string &said) {
    size_t found = said.find("required_chars. ");
    if (found != std::string::npos) found = said.find(" vs ", found);
    return found == std::string::npos ? 0 : std::strtoll(said.c_str() + found + 4, nullptr, 10);
}

sigmoe_status explain(const library::util::Status &status, const char *name, int64_t vocab_size) {
    const std::string said = status.error_message();
    const long long needed = tokens_needed(said);
    if (needed > 0)
        return fail(SIGMOE_BAD_ARGUMENT,
            "cannot train a tokenizer of %lld token%s on %s: it has so many characters that it needs at "
            "least "
            "%lld tokens; raise `vocab_size` to %lld or more",
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
    // With fewer, the library fails on its own three special pieces before it counts what else is needed.
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
    return status.ok() ? file_write(path, model.data(), model.size()) : explain(status, name, vocab_size);
}

} // namespace

extern "C" {

sigmoe_status sentencepiece_train(
    const sentencepiece_input *input, const char *name, int64_t vocab_size, const char *path) {
    return guarded("train the tokenizer", [&] { return train(input, name, vocab_size, path); });
}
}
