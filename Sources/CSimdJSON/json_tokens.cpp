#include "json_tokens.h"

#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>
#include <vector>

using simdjson::error_code;
namespace numberparsing = simdjson::SIMDJSON_BUILTIN_IMPLEMENTATION::numberparsing;

// Memory that is not cleared first, and only grows.
template <typename T> struct memory {
    std::unique_ptr<T[]> data;
    size_t size = 0;

    // What it held is gone where it grows.
    void reserve(size_t needed) {
        if (size >= needed) return;
        data.reset();
        size = 0;
        data.reset(new T[needed]);
        size = needed;
    }
};

// simdjson's first stage checks UTF-8 and strings for control characters, and finds where each bracket, comma, colon, string and scalar
// begins. Its on-demand interface hands these out one at a time, at twice the cost of the walk over them that is here.
struct json_tokenizer {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> first_stage;
    memory<char> text;
    // Only there once a string is escaped.
    memory<uint8_t> characters;
    uint8_t *free_characters = nullptr;
    memory<json_token> tokens;
    size_t count = 0;
    std::vector<uint32_t> open;
    size_t length = 0;
    size_t maximum_depth = 0;
    size_t maximum_count = 0;
    bool has_escapes = false;
    // The last place looked at, for the error message.
    size_t place = 0;

    error_code find_structure();
    error_code walk();
    error_code string(json_token &token);
    error_code unescape(json_token &token);
    error_code run();
};

static bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

// The end of what stands before `next`, where only blanks are between.
static inline size_t end_before(const char *text, size_t next) {
    while (is_blank(text[next - 1])) next--;
    return next;
}

error_code json_tokenizer::unescape(json_token &token) {
    if (free_characters == nullptr) {
        characters.reserve(length + simdjson::SIMDJSON_PADDING);
        free_characters = characters.data.get();
    }
    auto escaped = reinterpret_cast<const uint8_t *>(text.data.get() + token.characters);
    uint8_t *end = first_stage->parse_string(escaped, free_characters);
    if (end == nullptr) return simdjson::STRING_ERROR;
    token.is_escaped = 1;
    token.characters = uint32_t(free_characters - characters.data.get());
    token.length = uint32_t(end - free_characters);
    free_characters = end;
    return simdjson::SUCCESS;
}

// A string of which the place is known.
inline error_code json_tokenizer::string(json_token &token) {
    token.kind = JSON_TOKEN_STRING;
    token.characters = token.start + 1;
    token.length = token.end - token.start - 2;
    if (has_escapes && std::memchr(text.data.get() + token.start, '\\', token.end - token.start) != nullptr) return unescape(token);
    return simdjson::SUCCESS;
}

static bool is_whole_number(const char *digits, size_t count) {
    if (count > 0 && *digits == '-') digits++, count--;
    if (count == 0 || count > 18 || (*digits == '0' && count > 1)) return false;
    for (size_t i = 0; i < count; i++)
        if (digits[i] < '0' || digits[i] > '9') return false;
    return true;
}

// A number, a truth value or null, of which the place is known.
static inline error_code scalar(json_token &token, const char *text) {
    const char *first = text + token.start;
    size_t size = token.end - token.start;
    switch (*first) {
    case 't':
        token.kind = JSON_TOKEN_TRUE;
        return size == 4 && std::memcmp(first, "true", 4) == 0 ? simdjson::SUCCESS : simdjson::T_ATOM_ERROR;
    case 'f':
        token.kind = JSON_TOKEN_FALSE;
        return size == 5 && std::memcmp(first, "false", 5) == 0 ? simdjson::SUCCESS : simdjson::F_ATOM_ERROR;
    case 'n':
        token.kind = JSON_TOKEN_NULL;
        return size == 4 && std::memcmp(first, "null", 4) == 0 ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
    default:
        token.kind = JSON_TOKEN_NUMBER;
        if (*first != '-' && (*first < '0' || *first > '9')) return simdjson::TAPE_ERROR;
        // Nearly all are whole numbers.
        if (is_whole_number(first, size)) return simdjson::SUCCESS;
        return numberparsing::parse_double(reinterpret_cast<const uint8_t *>(first)).error();
    }
}

error_code json_tokenizer::find_structure() {
    if (!first_stage) {
        auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(length, 1, first_stage);
        if (error) return error;
    }
    if (first_stage->capacity() < length)
        if (auto error = first_stage->set_capacity(length)) return error;
    auto bytes = reinterpret_cast<const uint8_t *>(text.data.get());
    if (auto error = first_stage->stage1(bytes, length, simdjson::stage1_mode::regular)) return error;
    has_escapes = std::memchr(bytes, '\\', length) != nullptr;
    size_t most = first_stage->n_structural_indexes;
    tokens.reserve(most < maximum_count ? most : maximum_count);
    return simdjson::SUCCESS;
}

// Each state is a label, and takes what begins at `*at`. What it needs at each step is in variables of this function: a token that is
// written could be any member, as far as the compiler knows. Behind the last place the first stage has put the length twice, where there
// is a blank, with which nothing begins.
error_code json_tokenizer::walk() {
    const char *const bytes = text.data.get();
    const uint32_t *at = first_stage->structural_indexes.get();
    const size_t end_of_text = length;
    json_token *const all = tokens.data.get();
    uint32_t index = 0;
    char first;

    auto step = [&] { return bytes[place = *at++]; };
    auto push = [&]() -> json_token & {
        json_token &token = all[index++];
        token.start = uint32_t(place);
        token.next = index;
        token.is_escaped = 0;
        return token;
    };
    auto end = [&] { return uint32_t(end_before(bytes, *at)); };
    auto unexpected = [&] { return place == end_of_text ? simdjson::INCOMPLETE_ARRAY_OR_OBJECT : simdjson::TAPE_ERROR; };

    first = step();
    if (first != '{' && first != '[') return simdjson::INCORRECT_TYPE;

value:
    if (index == maximum_count) return simdjson::CAPACITY;
    if (first == '"') {
        json_token &token = push();
        token.end = end();
        if (error_code error = string(token)) return error;
        goto behind_value;
    }
    if (first == '{' || first == '[') {
        if (open.size() == maximum_depth) return simdjson::DEPTH_ERROR;
        open.push_back(index);
        push().kind = first == '{' ? JSON_TOKEN_OBJECT : JSON_TOKEN_ARRAY;
        bool is_object = first == '{';
        first = step();
        if (first == (is_object ? '}' : ']')) goto end_of_value;
        if (is_object) goto name;
        goto value;
    }
    if (place == end_of_text) return unexpected();
    {
        json_token &token = push();
        token.end = end();
        if (error_code error = scalar(token, bytes)) return error;
    }

behind_value:
    first = step();
    if (first == ',') {
        first = step();
        if (all[open.back()].kind == JSON_TOKEN_ARRAY) goto value;
        goto name;
    }
    if (first != (all[open.back()].kind == JSON_TOKEN_ARRAY ? ']' : '}')) return unexpected();

end_of_value:
    all[open.back()].end = uint32_t(place + 1);
    all[open.back()].next = index;
    open.pop_back();
    if (!open.empty()) goto behind_value;
    count = index;
    return *at == end_of_text ? simdjson::SUCCESS : simdjson::TRAILING_CONTENT;

name:
    if (first != '"') return unexpected();
    if (index == maximum_count) return simdjson::CAPACITY;
    {
        json_token &token = push();
        token.end = end();
        if (error_code error = string(token)) return error;
    }
    first = step();
    if (first != ':') return unexpected();
    first = step();
    goto value;
}

error_code json_tokenizer::run() {
    if (auto error = find_structure()) return error;
    return walk();
}

static const char *sentence(error_code error) {
    switch (error) {
    case simdjson::INCORRECT_TYPE: return "It is neither an object nor an array.";
    case simdjson::CAPACITY: return "It has too many values.";
    default: return simdjson::error_message(error);
    }
}

// An exception must not leave this file: who calls is not C++.
extern "C" json_tokenizer *json_tokenizer_create(void) {
    try {
        return new json_tokenizer;
    } catch (...) {
        return nullptr;
    }
}

extern "C" void json_tokenizer_destroy(json_tokenizer *tokenizer) { delete tokenizer; }

extern "C" json_tokens json_tokenizer_run(
    json_tokenizer *tokenizer, const void *text, size_t length, size_t maximum_depth, size_t maximum_count) {
    json_tokens result = {};
    json_tokenizer &it = *tokenizer;
    it.place = 0;
    try {
        it.length = length;
        it.maximum_depth = maximum_depth;
        it.maximum_count = maximum_count;
        it.count = 0;
        it.open.clear();
        it.free_characters = nullptr;
        it.text.reserve(length + simdjson::SIMDJSON_PADDING);
        if (length > 0) std::memcpy(it.text.data.get(), text, length);
        std::memset(it.text.data.get() + length, ' ', simdjson::SIMDJSON_PADDING);
        if (error_code error = it.run()) {
            result.error = error == simdjson::MEMALLOC ? "There is not enough memory to read it." : sentence(error);
        }
    } catch (const std::bad_alloc &) {
        result.error = "There is not enough memory to read it.";
    } catch (...) {
        result.error = "It cannot be read.";
    }
    if (result.error != nullptr) {
        result.error_offset = it.place;
        return result;
    }
    result.tokens = it.tokens.data.get();
    result.count = it.count;
    result.text = it.text.data.get();
    result.length = length;
    result.characters = reinterpret_cast<const char *>(it.characters.data.get());
    return result;
}
