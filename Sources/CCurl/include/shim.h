// First what the Glibc module has: otherwise what headers of both declare would be of this module or that, as the order of loading has it.
#pragma clang module import SwiftGlibc

#include <curl/curl.h>

// Options are set and facts asked for by variadic functions, which Swift does not call: here is one for each type of value.

typedef size_t (*curl_piece_function)(char *piece, size_t size, size_t count, void *context);
typedef curl_socket_t (*curl_socket_maker)(void *context, curlsocktype purpose, struct curl_sockaddr *address);
typedef int (*curl_socket_watcher)(CURL *easy, curl_socket_t socket, int what, void *context, void *socketContext);
typedef int (*curl_timer_setter)(CURLM *multi, long milliseconds, void *context);
typedef int (*curl_progress_function)(void *context, curl_off_t toReceive, curl_off_t received, curl_off_t toSend, curl_off_t sent);
typedef int (*curl_seek_function)(void *context, curl_off_t offset, int origin);

static inline CURLcode curl_easy_set_number(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode curl_easy_set_large(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode curl_easy_set_text(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

// libcurl makes a copy of the bytes.
static inline CURLcode curl_easy_set_copy(CURL *easy, CURLoption option, const void *bytes, size_t count) {
    struct curl_blob blob = {(void *)bytes, count, CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, &blob);
}

static inline CURLcode curl_easy_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode curl_easy_set_context(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode curl_easy_set_errors(CURL *easy, char *buffer) {
    return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, buffer);
}

static inline CURLcode curl_easy_set_header_function(CURL *easy, curl_piece_function function) {
    return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, function);
}

static inline CURLcode curl_easy_set_read_function(CURL *easy, curl_piece_function function) {
    return curl_easy_setopt(easy, CURLOPT_READFUNCTION, function);
}

static inline CURLcode curl_easy_set_seek_function(CURL *easy, curl_seek_function function) {
    return curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, function);
}

static inline CURLcode curl_easy_set_write_function(CURL *easy, curl_piece_function function) {
    return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, function);
}

static inline CURLcode curl_easy_set_progress_function(CURL *easy, curl_progress_function function) {
    return curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, function);
}

static inline CURLcode curl_easy_set_socket_maker(CURL *easy, curl_socket_maker function) {
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, function);
}

static inline CURLcode curl_easy_set_tls_setter(CURL *easy, curl_ssl_ctx_callback function) {
    return curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, function);
}

static inline CURLcode curl_easy_get_number(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode curl_easy_get_time(CURL *easy, CURLINFO info, curl_off_t *microseconds) {
    return curl_easy_getinfo(easy, info, microseconds);
}

static inline CURLcode curl_easy_get_context(CURL *easy, void **value) {
    return curl_easy_getinfo(easy, CURLINFO_PRIVATE, value);
}

static inline CURLMcode curl_multi_set_context(CURLM *multi, CURLMoption option, void *value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode curl_multi_set_socket_watcher(CURLM *multi, curl_socket_watcher function) {
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, function);
}

static inline CURLMcode curl_multi_set_timer_setter(CURLM *multi, curl_timer_setter function) {
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, function);
}

// The result of a transfer is in a union.
static inline CURLcode curl_message_result(const CURLMsg *message) { return message->data.result; }

// The file of certificates of authorities that libcurl uses where it is told none; null for none.
static inline const char *curl_authorities(void) { return curl_version_info(CURLVERSION_NOW)->cainfo; }
