// Encodes one split with a SentencePiece model, on all threads, in bounded memory.
#pragma once

#include "base/progress.h"
#include "base/threads.h"
#include "data/tokenizer_sentencepiece.h"
#include "prepare/split_text.h"

// Writes DIRECTORY/<split>.bin and sets *content and *bad. Progress counts raw bytes.
sigmoe_status encode_split(const split_text *text, int split, const piece_model *model, threads *pool,
    const char *directory, progress_meter *meter, split_content *content, bad_lines *bad);
