// JSON text to a flat array of tokens with byte offsets, by simdjson.
//
// simdjson is C++ and hands out values one at a time; Swift wants C and, to give a request back byte for byte with a few pieces
// put in, the place of each value. This is all that stands between the two. Every string, number and literal is checked.
#ifndef LBAAS_JSON_TOKENS_H
#define LBAAS_JSON_TOKENS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum json_token_kind {
    JSON_TOKEN_OBJECT,
    JSON_TOKEN_ARRAY,
    JSON_TOKEN_STRING,
    JSON_TOKEN_NUMBER,
    JSON_TOKEN_TRUE,
    JSON_TOKEN_FALSE,
    JSON_TOKEN_NULL
};

// One value. An object is followed by its members, each a string token and the tokens of its value; an array by its elements.
struct json_token {
    uint32_t start;        // offset of the first byte of the value in the text
    uint32_t end;          // offset behind its last byte
    uint32_t next;         // index of the token behind the value and all that is in it
    uint32_t characters;   // of a string: offset of its characters, in the text or, if escaped, in the characters buffer
    uint32_t length;       // of a string: number of its characters, in bytes of UTF-8
    uint8_t kind;          // enum json_token_kind
    uint8_t is_escaped;    // of a string: true if it has escapes
};

struct json_tokenizer;

// What became of a text.
struct json_tokens {
    const struct json_token *tokens;  // null if the text is not JSON
    size_t count;
    const char *text;                 // the tokenizer's copy of the text
    size_t length;                    // of the text
    const char *characters;           // the characters of escaped strings
    const char *error;                // why it is not JSON; static
    size_t error_offset;              // about where, in bytes
};

// Null if there is no memory.
struct json_tokenizer *json_tokenizer_create(void);
void json_tokenizer_destroy(struct json_tokenizer *tokenizer);

// Copies the text and takes it apart. What it returns is valid until the next call. A text without memory for it is an error, as is one
// that is nested deeper or has more values and names than this.
struct json_tokens json_tokenizer_run(
    struct json_tokenizer *tokenizer, const void *text, size_t length, size_t maximum_depth, size_t maximum_count);

#ifdef __cplusplus
}
#endif
#endif
