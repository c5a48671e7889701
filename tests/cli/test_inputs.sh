#!/bin/sh
# data prepare told what a file holds by the file: unpacked, refused, taken raw; standard input and pipes; bad lines of JSON.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

make_text 20000 a.txt
make_text 3000 b.txt
works data prepare text a.txt --out plain
! grep -q warning stderr || problem "a plain text is warned of: $(cat stderr)"

# same_data OUT: the tokens of a.txt, and nothing besides.
same_data() {
    for file in train.bin valid.bin test.bin; do same "plain/$file" "$1/$file"; done
    [ "$(find "$1" -type f | wc -l)" -eq 5 ] || problem "$1 holds $(find "$1" | tr '\n' ' ')"
    [ ! -e "$1.partial" ] || problem "$1.partial was left behind"
}

# ---------------------------------------------------------------- packed, under any name

python3 - <<'PYTHON'
import bz2, gzip, lzma, zipfile

text = open("a.txt", "rb").read()
half = len(text) // 2
open("gz.txt", "wb").write(gzip.compress(text[:half]) + gzip.compress(text[half:]))
open("xz.txt", "wb").write(lzma.compress(text))
open("bz2.txt", "wb").write(bz2.compress(text))
open("twice", "wb").write(gzip.compress(lzma.compress(text)))
open("cut.txt", "wb").write(gzip.compress(text)[:-20])
with zipfile.ZipFile("members", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("z.txt", text[:half])
    archive.writestr("a.txt.gz", gzip.compress(text[half:]))
PYTHON
for file in gz.txt xz.txt bz2.txt twice members; do
    works data prepare text "$file" --out packed --force
    same_data packed
done
fails 1 'cannot unpack cut.txt' data prepare text cut.txt --out x

# ---------------------------------------------------------------- refused, or taken raw

python3 - <<'PYTHON'
import struct

text = open("a.txt").read()
open("marked.txt", "wb").write(text.encode("utf-16"))
open("unmarked.txt", "wb").write(text.encode("utf-16-le"))
open("shard.bin", "wb").write(b"".join(struct.pack("<H", i * i * i % 300) for i in range(5000)))
open("table.parquet", "wb").write(b"PAR1\x15\x04\x15\x10" + bytes(range(256)) * 20 + b"PAR1")
open("cover.png", "wb").write(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
open("latin.txt", "wb").write(b"caf\xe9 " * 3 + text.encode() + b"\0\0")
open("windows.txt", "wb").write(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
PYTHON
fails 1 'marked.txt is text in UTF-16: .*iconv -f UTF-16 -t UTF-8.*--raw' data prepare text marked.txt --out x
fails 1 'unmarked.txt is text in UTF-16: .*iconv -f UTF-16LE -t UTF-8' data prepare text a.txt unmarked.txt --out x
fails 1 'shard.bin is .*token ids without a header.*docs/formats/data.md' data prepare text shard.bin --out x
fails 1 'table.parquet is a Parquet file' data prepare text table.parquet --out x
fails 1 'cover.png is a PNG picture' data prepare text cover.png --out x
fails 1 'program or library' data prepare text "$program" --out x
fails 1 'train.bin is a shard of tokens: .*train --data' data prepare text plain/train.bin --out x
fails 1 'table.parquet is a Parquet file' data prepare c4 table.parquet a.txt --out x
fails 1 'cover.png is a PNG picture' data prepare enwik8 cover.png --out x
fails 1 'plain is a directory that sigmoe made' data prepare text plain --out x
for file in marked.txt table.parquet gz.txt; do
    works data prepare text "$file" --raw --out raw --force
    python3 - raw "$file" <<'PYTHON' || problem "$file is not taken as it is"
import json, sys
splits = json.load(open(f"{sys.argv[1]}/meta.json"))["splits"].values()
assert sum(s["bytes"] for s in splits) == len(open(sys.argv[2], "rb").read())
PYTHON
done
fails 2 'only text can' data prepare c4 a.txt b.txt --raw --out x

works data prepare text b.txt latin.txt --out odd
grep -q 'warning: the text has 3 bytes that are no UTF-8 (the first is byte 3 of latin.txt) and 2 NULs (the first is byte 20[0-9]* of latin.txt)' \
    stderr || problem "no warning of odd bytes: $(cat stderr)"
[ "$(grep -c warning stderr)" -eq 1 ] || problem "more than one warning: $(cat stderr)"
works data prepare text windows.txt --out windows
grep -q 'windows.txt begins with a byte order mark' stderr || problem "the mark is not said: $(cat stderr)"
works data prepare text a.txt ./a.txt --out twice-named
grep -q 'warning: ./a.txt and a.txt are the same file' stderr || problem "no warning of a file named twice"

# ---------------------------------------------------------------- read once

works data prepare text - --out piped <a.txt
same_data piped
grep -q '"source": "text: standard input"' piped/meta.json || problem "the source of a pipe is not clear"
# shellcheck disable=SC2002  # a pipe is what is tried
cat a.txt | "$program" data prepare text - --out piped --force 2>stderr || problem "a pipe: $(cat stderr)"
same_data piped
gzip -c a.txt | "$program" data prepare text /dev/stdin --out piped --force 2>stderr || problem "a pipe: $(cat stderr)"
same_data piped
mkfifo pipe
for tokenizer in bytes sentencepiece; do
    { sleep 1 && cat b.txt; } >pipe &
    works data prepare text a.txt pipe --tokenizer "$tokenizer" --out "fifo-$tokenizer"
    works data prepare text a.txt b.txt --tokenizer "$tokenizer" --out "files-$tokenizer"
    for file in train.bin valid.bin test.bin; do same "fifo-$tokenizer/$file" "files-$tokenizer/$file"; done
    [ ! -e "fifo-$tokenizer/input-1" ] || problem "the copy of the pipe was left"
done
fails 2 'standard input is named twice' data prepare text - - --out x
fails 1 'standard input is empty' data prepare text - --out x </dev/null
fails 1 'standard input is a PNG picture' data prepare text - --out x <cover.png
fails 1 'standard input' data prepare text - --out x <&-

# A signal is heard while nothing comes.
sleep 60 >pipe &
writer=$!
"$program" data prepare text pipe --out x 2>stderr &
reader=$!
sleep 1
kill -TERM "$reader"
status=0
wait "$reader" || status=$?
kill "$writer" || problem "the signal was heard only when the pipe ended"
[ "$status" -eq 143 ] || problem "exit status $status behind SIGTERM: $(cat stderr)"
absent x

for text in - pipe; do
    (sh "$root/run" demo "$text" >stdout 2>stderr) && problem "the demo takes $text"
    grep -q 'can be read only once: save the text in a file' stderr || problem "the demo says of $text: $(cat stderr)"
done
(sh "$root/run" demo plain >stdout 2>stderr) && problem "the demo takes a directory"
grep -q 'plain is a directory' stderr || problem "the demo says of a directory: $(cat stderr)"

# ---------------------------------------------------------------- JSON lines

python3 - <<'PYTHON'
import json

lines = open("a.txt").read().splitlines()
good = [json.dumps({"text": line}) for line in lines]
open("good.json", "w").write("\n".join(good))
open("null.json", "w").write("\n".join(['{"text": null}'] + good + ['{"text": null}']))
bad = good[:3] + ["no JSON", '{"texts": 1}', '{"text": 7}', '{"text": "' + "x" * (17 << 20) + '"}', "[]"] + good[3:]
open("bad.json", "w").write("\n".join(bad))
open("valid.json", "w").write("\n".join(good[:9] + ["{"]))
open("good-valid.json", "w").write("\n".join(good[:9]))
PYTHON
works data prepare c4 good.json good-valid.json --out good --vocab-size 100
works data prepare c4 null.json good-valid.json --out nulls --vocab-size 100
fails 1 'bad.json: line 4 is no JSON' data prepare c4 bad.json good-valid.json --out x
works data prepare c4 bad.json valid.json --out skipped --vocab-size 100 --skip-bad-lines
grep -q 'warning: skipped 6 lines that hold no text; the first: bad.json: line 4 is no JSON' stderr ||
    problem "the lines are not counted: $(cat stderr)"
for file in train.bin valid.bin test.bin tokenizer.model; do
    same "good/$file" "nulls/$file"
    same "good/$file" "skipped/$file"
done
grep -q '"skipped_lines": 6' skipped/meta.json || problem "meta.json does not count the lines"
! grep -q skipped_lines good/meta.json || problem "lines are counted that were not skipped"
fails 2 'no lines of JSON' data prepare text a.txt --skip-bad-lines --out x

# ---------------------------------------------------------------- unknown pieces

python3 - <<'PYTHON'
text = open("a.txt").read()
open("mixed.txt", "w").write(text + "".join(chr(0x4e00 + i * i % 9000) + " " for i in range(len(text) // 40)))
PYTHON
works data prepare text mixed.txt --tokenizer sentencepiece --vocab-size 200 --out mixed
grep -qE "warning: of the (valid|test) split's tokens [0-9.]+ % are <unk>" stderr || problem "no warning of <unk>: $(cat stderr)"
! grep -q '<unk>' stdout || problem "a warning is on stdout"
absent x

finish
