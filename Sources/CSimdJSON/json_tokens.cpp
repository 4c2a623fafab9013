#include "json_tokens.h"

#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>
#include <vector>

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

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

struct json_tokenizer {
    ondemand::parser parser;
    memory<char> text;
    // Only there once a string is escaped.
    memory<uint8_t> characters;
    uint8_t *free_characters = nullptr;
    std::vector<json_token> tokens;
    ondemand::document document;
    size_t length = 0;
    size_t maximum_depth = 0;
    size_t maximum_count = 0;
    size_t depth = 0;
    // The last place looked at, for the error message.
    size_t place = 0;

    error_code value(ondemand::value value);
    error_code object(ondemand::value value, json_token token);
    error_code array(ondemand::value value, json_token token);
    error_code string(ondemand::raw_json_string raw);
    error_code scalar(ondemand::value value, json_token token, ondemand::json_type type);
    error_code push(const json_token &token);
    error_code opened(json_token &token, uint8_t kind, size_t &index);
    void closed(size_t index);
    error_code run();
};

static bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

// The end of a string whose first character is at `start`: the offset of its closing quote. simdjson has made sure that there is one.
static size_t closing_quote(const char *text, size_t length, size_t start, bool &has_escapes) {
    const char *first = text + start;
    const char *quote = static_cast<const char *>(std::memchr(first, '"', length - start));
    has_escapes = std::memchr(first, '\\', size_t(quote - first)) != nullptr;
    if (!has_escapes) return size_t(quote - text);
    size_t at = start;
    while (text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    return at;
}

error_code json_tokenizer::push(const json_token &token) {
    if (tokens.size() == maximum_count) return simdjson::CAPACITY;
    tokens.push_back(token);
    return simdjson::SUCCESS;
}

error_code json_tokenizer::string(ondemand::raw_json_string raw) {
    size_t start = size_t(raw.raw() - text.data.get());
    place = start;
    bool has_escapes = false;
    size_t quote = closing_quote(text.data.get(), length, start, has_escapes);
    json_token token = {};
    token.kind = JSON_TOKEN_STRING;
    token.start = uint32_t(start - 1);
    token.end = uint32_t(quote + 1);
    token.next = uint32_t(tokens.size() + 1);
    token.characters = uint32_t(start);
    token.length = uint32_t(quote - start);
    if (has_escapes) {
        if (free_characters == nullptr) {
            characters.reserve(length + simdjson::SIMDJSON_PADDING);
            free_characters = characters.data.get();
        }
        std::string_view unescaped;
        if (auto error = parser.unescape(raw, free_characters).get(unescaped)) return error;
        token.is_escaped = 1;
        token.characters = uint32_t(reinterpret_cast<const uint8_t *>(unescaped.data()) - characters.data.get());
        token.length = uint32_t(unescaped.size());
    }
    return push(token);
}

error_code json_tokenizer::opened(json_token &token, uint8_t kind, size_t &index) {
    if (++depth > maximum_depth) return simdjson::DEPTH_ERROR;
    token.kind = kind;
    index = tokens.size();
    return push(token);
}

// simdjson now stands at what follows the closing bracket; the bracket is the last byte before it that is not blank.
void json_tokenizer::closed(size_t index) {
    depth--;
    size_t end = length;
    const char *location;
    if (document.current_location().get(location) == simdjson::SUCCESS) end = size_t(location - text.data.get());
    while (end > 0 && is_blank(text.data[end - 1])) end--;
    tokens[index].end = uint32_t(end);
    tokens[index].next = uint32_t(tokens.size());
}

error_code json_tokenizer::object(ondemand::value value, json_token token) {
    size_t index;
    if (auto error = opened(token, JSON_TOKEN_OBJECT, index)) return error;
    ondemand::object object;
    if (auto error = value.get_object().get(object)) return error;
    for (auto member : object) {
        ondemand::field field;
        if (auto error = std::move(member).get(field)) return error;
        if (auto error = string(field.key())) return error;
        if (auto error = this->value(field.value())) return error;
    }
    closed(index);
    return simdjson::SUCCESS;
}

error_code json_tokenizer::array(ondemand::value value, json_token token) {
    size_t index;
    if (auto error = opened(token, JSON_TOKEN_ARRAY, index)) return error;
    ondemand::array array;
    if (auto error = value.get_array().get(array)) return error;
    for (auto element : array) {
        ondemand::value inner;
        if (auto error = std::move(element).get(inner)) return error;
        if (auto error = this->value(inner)) return error;
    }
    closed(index);
    return simdjson::SUCCESS;
}

error_code json_tokenizer::scalar(ondemand::value value, json_token token, ondemand::json_type type) {
    int64_t integer;
    double number;
    bool truth;
    switch (type) {
    case ondemand::json_type::number:
        token.kind = JSON_TOKEN_NUMBER;
        // Nearly all are whole numbers, which are read faster.
        if (value.get_int64().get(integer) == simdjson::SUCCESS) break;
        if (auto error = value.get_double().get(number)) return error;
        break;
    case ondemand::json_type::boolean:
        if (value.get_bool().get(truth)) return simdjson::T_ATOM_ERROR;
        token.kind = truth ? JSON_TOKEN_TRUE : JSON_TOKEN_FALSE;
        break;
    default:
        token.kind = JSON_TOKEN_NULL;
        if (value.is_null().get(truth) || !truth) return simdjson::N_ATOM_ERROR;
    }
    token.next = uint32_t(tokens.size() + 1);
    return push(token);
}

error_code json_tokenizer::value(ondemand::value value) {
    ondemand::json_type type;
    if (auto error = value.type().get(type)) return error;
    if (type == ondemand::json_type::string) {
        ondemand::raw_json_string raw;
        if (auto error = value.get_raw_json_string().get(raw)) return error;
        return string(raw);
    }
    std::string_view raw = value.raw_json_token();
    json_token token = {};
    token.start = uint32_t(raw.data() - text.data.get());
    place = token.start;
    if (type == ondemand::json_type::object) return object(value, token);
    if (type == ondemand::json_type::array) return array(value, token);
    while (!raw.empty() && is_blank(raw.back())) raw.remove_suffix(1);
    token.end = uint32_t(token.start + raw.size());
    return scalar(value, token, type);
}

error_code json_tokenizer::run() {
    simdjson::padded_string_view view(text.data.get(), length, text.size);
    if (auto error = parser.iterate(view).get(document)) return error;
    // A job is an object; simdjson gives scalars at the top another treatment, which nobody needs here.
    ondemand::json_type type;
    if (auto error = document.type().get(type)) return error;
    if (type != ondemand::json_type::object && type != ondemand::json_type::array) return simdjson::INCORRECT_TYPE;
    ondemand::value root;
    if (auto error = document.get_value().get(root)) return error;
    if (auto error = value(root)) return error;
    const char *rest;
    return document.current_location().get(rest) == simdjson::SUCCESS ? simdjson::TRAILING_CONTENT : simdjson::SUCCESS;
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
        it.depth = 0;
        it.tokens.clear();
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
    result.tokens = it.tokens.data();
    result.count = it.tokens.size();
    result.text = it.text.data.get();
    result.length = length;
    result.characters = reinterpret_cast<const char *>(it.characters.data.get());
    return result;
}
