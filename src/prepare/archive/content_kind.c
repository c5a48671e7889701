#include "prepare/archive/content_kind.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// ---------------------------------------------------------------- formats with a signature

typedef struct signature {
    size_t offset, size;
    const char *bytes;
    content_form form;
    const char *what, *instead;
} signature;

static const char name_text[] = "name files of text";
static const char unpack[] = "unpack it, and name the files of text in it";
static const char save_text[] = "save it as plain text first";
static const char export_text[] = "write the text that it holds into a text file first";
static const char give_directory[] =
    "give the directory that it lies in, with its meta.json, to `sigmoe_train`";

#define SAYS(offset, bytes) offset, sizeof(bytes) - 1, bytes
static const signature signatures[] = {
    {SAYS(0, "\x1f\x8b"), CONTENT_PACKED, 0, 0},
    {SAYS(0, "\xfd"
             "7zXZ\0"),
        CONTENT_PACKED, 0, 0},
    {SAYS(0, "\x28\xb5\x2f\xfd"), CONTENT_PACKED, 0, 0},
    {SAYS(0, "PK\3\4"), CONTENT_ZIP, 0, 0},
    {SAYS(0, "PK\5\6"), CONTENT_ZIP, 0, 0},
    {SAYS(257, "ustar"), CONTENT_OTHER, "a tar archive", unpack},
    {SAYS(0, "!<arch>\n"), CONTENT_OTHER, "an ar archive or a Debian package", unpack},
    {SAYS(0, "7z\xbc\xaf\x27\x1c"), CONTENT_OTHER, "a 7z archive", unpack},
    {SAYS(0, "Rar!\x1a\x07"), CONTENT_OTHER, "a RAR archive", unpack},
    {SAYS(0, "\x04\x22\x4d\x18"), CONTENT_OTHER, "packed as lz4", "unpack it first (lz4 -d)"},
    {SAYS(0, "\x1f\x9d"), CONTENT_OTHER, "packed by compress", "unpack it first (uncompress)"},
    {SAYS(0, "\xff\xfe\0\0"), CONTENT_OTHER, "text in UTF-32", "convert it first (iconv -f UTF-32 -t UTF-8)"},
    {SAYS(0, "\0\0\xfe\xff"), CONTENT_OTHER, "text in UTF-32", "convert it first (iconv -f UTF-32 -t UTF-8)"},
    {SAYS(0, "\xff\xfe"), CONTENT_OTHER, "text in UTF-16", "convert it first (iconv -f UTF-16 -t UTF-8)"},
    {SAYS(0, "\xfe\xff"), CONTENT_OTHER, "text in UTF-16", "convert it first (iconv -f UTF-16 -t UTF-8)"},
    {SAYS(0, "\x88\xd8\x34\x01\1\0\0\0"), CONTENT_OTHER, "a shard of tokens", give_directory},
    {SAYS(0, "\xa1\xd9\x34\x01\7\0\0\0"), CONTENT_OTHER, "a shard of tokens", give_directory},
    {SAYS(0, "PAR1\x15"), CONTENT_OTHER, "a Parquet file",
        "write its column of text as plain text or JSON lines first, as pyarrow or duckdb do"},
    {SAYS(0, "ARROW1\0\0"), CONTENT_OTHER, "an Arrow file", export_text},
    {SAYS(0, "SQLite format 3\0"), CONTENT_OTHER, "an SQLite database", export_text},
    {SAYS(0, "\x89HDF\r\n\x1a\n"), CONTENT_OTHER, "an HDF5 file", export_text},
    {SAYS(0, "\x93NUMPY"), CONTENT_OTHER, "a NumPy array",
        "write the text itself, or token ids as docs/formats/data.md says"},
    {SAYS(2, "\x0a\5<unk>"), CONTENT_OTHER, "a SentencePiece model", name_text},
    {SAYS(4, "\0\0\0\0{\""), CONTENT_OTHER, "a safetensors file", name_text},
    {SAYS(0, "GGUF\3\0\0\0"), CONTENT_OTHER, "a GGUF model", name_text},
    {SAYS(0, "\x80\2\x8a\x0a"), CONTENT_OTHER, "a PyTorch file", name_text},
    {SAYS(0, "\x80\4\x95"), CONTENT_OTHER, "a Python pickle", export_text},
    {SAYS(0, "\x80\5\x95"), CONTENT_OTHER, "a Python pickle", export_text},
    {SAYS(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), CONTENT_OTHER, "an Office document", save_text},
    {SAYS(0, "%PDF-"), CONTENT_OTHER, "a PDF document", "write its text into a file first (pdftotext)"},
    {SAYS(0, "\x89PNG\r\n\x1a\n"), CONTENT_OTHER, "a PNG picture", name_text},
    {SAYS(0, "\xff\xd8\xff"), CONTENT_OTHER, "a JPEG picture", name_text},
    {SAYS(0, "GIF87a"), CONTENT_OTHER, "a GIF picture", name_text},
    {SAYS(0, "GIF89a"), CONTENT_OTHER, "a GIF picture", name_text},
    {SAYS(0, "II*\0"), CONTENT_OTHER, "a TIFF picture", name_text},
    {SAYS(0, "MM\0*"), CONTENT_OTHER, "a TIFF picture", name_text},
    {SAYS(8, "WEBPVP8"), CONTENT_OTHER, "a WebP picture", name_text},
    {SAYS(8, "WAVEfmt "), CONTENT_OTHER, "a sound file", name_text},
    {SAYS(0, "OggS\0"), CONTENT_OTHER, "a sound file", name_text},
    {SAYS(0, "fLaC\0"), CONTENT_OTHER, "a sound file", name_text},
    {SAYS(0, "ID3\3\0"), CONTENT_OTHER, "a sound file", name_text},
    {SAYS(0, "ID3\4\0"), CONTENT_OTHER, "a sound file", name_text},
    {SAYS(0, "\x1a\x45\xdf\xa3"), CONTENT_OTHER, "a video file", name_text},
    {SAYS(0, "\x7f"
             "ELF"),
        CONTENT_OTHER, "a program or library (ELF)", name_text},
    {SAYS(0, "\xcf\xfa\xed\xfe"), CONTENT_OTHER, "a program or library (Mach-O)", name_text},
    {SAYS(0, "\xce\xfa\xed\xfe"), CONTENT_OTHER, "a program or library (Mach-O)", name_text},
    {SAYS(0, "\xca\xfe\xba\xbe"), CONTENT_OTHER, "a program (Mach-O or Java)", name_text},
    {SAYS(0, "\0asm"), CONTENT_OTHER, "a program (WebAssembly)", name_text},
};

static bool stands_at(
    const unsigned char *head, size_t size, size_t offset, const void *bytes, size_t count) {
    return offset <= size && count <= size - offset && memcmp(head + offset, bytes, count) == 0;
}

// A text, too, might begin with the few letters of a short signature, so more is checked.
static bool is_bzip2(const unsigned char *head, size_t size) {
    static const char block[] = "\x31\x41\x59\x26\x53\x59", empty[] = "\x17\x72\x45\x38\x50\x90";
    return stands_at(head, size, 0, "BZh", 3) &&
           (stands_at(head, size, 4, block, 6) || stands_at(head, size, 4, empty, 6));
}

static bool is_skippable_zstd(const unsigned char *head, size_t size) {
    return size >= 4 && head[0] >= 0x50 && head[0] <= 0x5f && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0;
}

static uint32_t little_endian(const unsigned char *b) {
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static bool is_windows_program(const unsigned char *head, size_t size) {
    return size >= 64 && stands_at(head, size, 0, "MZ", 2) &&
           stands_at(head, size, little_endian(head + 60), "PE\0\0", 4);
}

static bool is_mp4(const unsigned char *head, size_t size) {
    return size >= 12 && head[0] == 0 && memcmp(head + 4, "ftyp", 4) == 0;
}

// An Arrow stream message: a mark, then the size of its metadata, which begins with a small offset.
static bool is_arrow_stream(const unsigned char *head, size_t size) {
    return size >= 12 && little_endian(head) == 0xffffffff && head[6] == 0 && head[7] == 0 &&
           little_endian(head + 8) == 16;
}

// ---------------------------------------------------------------- formats that must be guessed

static bool is_utf8(const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size;) {
        utf8_lead lead = utf8_lead_of(bytes[i++]);
        if (lead.more == 0 && bytes[i - 1] >= 0x80) return false;
        for (int k = 0; k < lead.more && i < size; k++, i++) {
            bool follows = bytes[i] >= (k ? 0x80 : lead.low) && bytes[i] <= (k ? 0xbf : lead.high);
            if (!follows) return false;
        }
    }
    return true;
}

// Counts of the bytes read as 16-bit units.
typedef struct units {
    size_t count;
    size_t
        impossible; // in UTF-16: half a surrogate pair, 0, U+FFFE, U+FFFF, control characters but tab and line ends
    size_t latin;  // letters, digits, signs, white space of the languages of Europe
    size_t spaces; // and line ends, and what ends sentences of Chinese and Japanese
} units;

static bool is_control(unsigned unit) {
    bool used = unit == '\t' || unit == '\n' || unit == '\r' || unit == '\f';
    return (unit < 0x20 && !used) || (unit >= 0x7f && unit < 0xa0) || unit >= 0xfffe;
}

static units count_units(const unsigned char *head, size_t size, bool big_endian) {
    units u = {.count = size / 2};
    bool high = false; // the unit before was the first half of a pair
    for (size_t i = 0; i < u.count; i++) {
        unsigned unit = (unsigned)head[2 * i + !big_endian] << 8 | head[2 * i + big_endian];
        bool low = unit >= 0xdc00 && unit < 0xe000;
        u.impossible += low != high || is_control(unit);
        high = unit >= 0xd800 && unit < 0xdc00;
        u.latin += unit < 0x250;
        u.spaces += unit == ' ' || unit == '\n' || unit == 0x3001 || unit == 0x3002;
    }
    return u;
}

size_t content_controls(const unsigned char *bytes, size_t size) {
    size_t controls = 0;
    for (size_t i = 0; i < size; i++) controls += bytes[i] < 0x20 && is_control(bytes[i]);
    return controls;
}

// Whether the bytes are not text as they stand: not UTF-8, or a fifth of them control characters; and less than 60 % of them
// are printable ASCII.
static bool are_unlike_text(const unsigned char *head, size_t size) {
    size_t ascii = 0, controls = content_controls(head, size);
    for (size_t i = 0; i < size; i++) ascii += head[i] >= 0x20 && head[i] < 0x7f;
    return (controls * 5 >= size || !is_utf8(head, size)) && ascii * 10 < size * 6;
}

// UTF-16 text without a byte order mark. Every character must be valid and some must be spaces, which in another encoding would
// need a NUL byte. Also, half of the characters must be Latin, or the bytes be unlike other text, as with Chinese or Russian.
static bool is_utf16(const unsigned char *head, size_t size, bool big_endian) {
    enum { FEWEST = 4 };
    units u = count_units(head, size, big_endian);
    if (u.count < FEWEST || u.impossible > 0 || u.spaces * 100 < u.count) return false;
    return u.latin * 2 >= u.count || are_unlike_text(head, size);
}

// Token ids of `bytes` bytes, 2 or 4: many are small, so their high bytes differ from the low ones; none is near the maximum,
// and few are zero. Text does not pass, as its bytes are above 7.
static bool are_token_ids(const unsigned char *head, size_t size, size_t bytes) {
    enum { FEWEST = 128, FEW = 8 };
    size_t count = size / bytes, small = 0, small_low = 0, zeros = 0;
    if (count < FEWEST) return false;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *b = head + bytes * i;
        if (b[1] >= 0xfe || (bytes == 4 && (b[2] > 1 || b[3]))) return false;
        small += b[1] < FEW;
        small_low += b[0] < FEW;
        zeros += b[0] == 0 && b[1] == 0;
    }
    return (small - zeros) * 10 >= count * 3 && small_low * 2 <= small && zeros * 2 <= count;
}

#define OTHER(what, instead) ((content_kind){CONTENT_OTHER, what, instead})

static content_kind guess(const unsigned char *head, size_t size) {
    if (is_utf16(head, size, false))
        return OTHER("text in UTF-16", "convert it first (iconv -f UTF-16LE -t UTF-8)");
    if (is_utf16(head, size, true))
        return OTHER("text in UTF-16", "convert it first (iconv -f UTF-16BE -t UTF-8)");
    if (size % 2 == 0 && (are_token_ids(head, size, 4) || are_token_ids(head, size, 2)))
        return OTHER("no text but, most likely, token ids without a header, as nanoGPT writes them",
            "put them into shards as docs/formats/data.md says, and give the directory to `sigmoe_train`");
    return (content_kind){CONTENT_TEXT, NULL, NULL};
}

content_kind content_kind_of(const unsigned char *head, size_t size) {
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const signature *s = &signatures[i];
        if (stands_at(head, size, s->offset, s->bytes, s->size))
            return (content_kind){s->form, s->what, s->instead};
    }
    if (is_bzip2(head, size) || is_skippable_zstd(head, size))
        return (content_kind){CONTENT_PACKED, NULL, NULL};
    if (is_windows_program(head, size)) return OTHER("a program or library (Windows)", name_text);
    if (is_mp4(head, size)) return OTHER("a video file", name_text);
    if (is_arrow_stream(head, size)) return OTHER("an Arrow file", export_text);
    return guess(head, size);
}
