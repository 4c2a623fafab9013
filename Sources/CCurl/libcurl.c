// The functions of libcurl that are used here. Each hands its call on to libcurl, which is loaded at the first call.
//
// A program that is linked with Debian's libcurl loads 30 more libraries at its start (Kerberos, LDAP, SSH, RTMP and others), which takes 5 ms and
// 5 MB. Many never send a request: lbaasctl where it is asked for its version or completes a word, lbaas-server with SQLite, lbaas-worker without
// HTTP checks and etcd.

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *library;
// Why it could not be loaded.
static char failure[512];

static void load(void) {
    library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) snprintf(failure, sizeof failure, "%s", dlerror());
}

// The function of libcurl of a name. Without it the program ends: its package depends on that of libcurl.
static void *function_named(const char *name) {
    pthread_once(&once, load);
    void *found = library ? dlsym(library, name) : NULL;
    if (found) return found;
    fprintf(stderr, "libcurl cannot be used; install the package libcurl4: %s\n", library ? dlerror() : failure);
    _exit(EX_OSFILE);
}

// The function of libcurl of a name, looked for once.
#define LIBCURL(name) \
    ({ \
        static __typeof__(&name) known; \
        __typeof__(&name) found = __atomic_load_n(&known, __ATOMIC_RELAXED); \
        if (!found) { \
            found = (__typeof__(&name))function_named(#name); \
            __atomic_store_n(&known, found, __ATOMIC_RELAXED); \
        } \
        found; \
    })

CURLcode curl_global_init(long flags) { return LIBCURL(curl_global_init)(flags); }
void curl_free(void *memory) { LIBCURL(curl_free)(memory); }
curl_version_info_data *curl_version_info(CURLversion age) { return LIBCURL(curl_version_info)(age); }

CURL *curl_easy_init(void) { return LIBCURL(curl_easy_init)(); }
void curl_easy_cleanup(CURL *easy) { LIBCURL(curl_easy_cleanup)(easy); }
void curl_easy_reset(CURL *easy) { LIBCURL(curl_easy_reset)(easy); }
CURLcode curl_easy_perform(CURL *easy) { return LIBCURL(curl_easy_perform)(easy); }
const char *curl_easy_strerror(CURLcode code) { return LIBCURL(curl_easy_strerror)(code); }

// The value of an option is a long, a pointer or a curl_off_t, which Linux hands over alike on machines of 64 bits.
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *), "a machine of 64 bits");

#define LAST_ARGUMENT(before) \
    ({ \
        va_list rest; \
        va_start(rest, before); \
        void *value = va_arg(rest, void *); \
        va_end(rest); \
        value; \
    })

CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) { return LIBCURL(curl_easy_setopt)(easy, option, LAST_ARGUMENT(option)); }
CURLcode curl_easy_getinfo(CURL *easy, CURLINFO info, ...) { return LIBCURL(curl_easy_getinfo)(easy, info, LAST_ARGUMENT(info)); }
CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...) {
    return LIBCURL(curl_multi_setopt)(multi, option, LAST_ARGUMENT(option));
}

CURLM *curl_multi_init(void) { return LIBCURL(curl_multi_init)(); }
CURLMcode curl_multi_cleanup(CURLM *multi) { return LIBCURL(curl_multi_cleanup)(multi); }
CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy) { return LIBCURL(curl_multi_add_handle)(multi, easy); }
CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *easy) { return LIBCURL(curl_multi_remove_handle)(multi, easy); }
CURLMcode curl_multi_perform(CURLM *multi, int *running) { return LIBCURL(curl_multi_perform)(multi, running); }
CURLMcode curl_multi_poll(CURLM *multi, struct curl_waitfd *more, unsigned int count, int milliseconds, int *ready) {
    return LIBCURL(curl_multi_poll)(multi, more, count, milliseconds, ready);
}
CURLMcode curl_multi_wakeup(CURLM *multi) { return LIBCURL(curl_multi_wakeup)(multi); }
CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t socket, int events, int *running) {
    return LIBCURL(curl_multi_socket_action)(multi, socket, events, running);
}
CURLMcode curl_multi_assign(CURLM *multi, curl_socket_t socket, void *context) { return LIBCURL(curl_multi_assign)(multi, socket, context); }
CURLMsg *curl_multi_info_read(CURLM *multi, int *left) { return LIBCURL(curl_multi_info_read)(multi, left); }
const char *curl_multi_strerror(CURLMcode code) { return LIBCURL(curl_multi_strerror)(code); }

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text) { return LIBCURL(curl_slist_append)(list, text); }
void curl_slist_free_all(struct curl_slist *list) { LIBCURL(curl_slist_free_all)(list); }

CURLU *curl_url(void) { return LIBCURL(curl_url)(); }
void curl_url_cleanup(CURLU *url) { LIBCURL(curl_url_cleanup)(url); }
CURLUcode curl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned int flags) {
    return LIBCURL(curl_url_set)(url, part, text, flags);
}
CURLUcode curl_url_get(CURLU *url, CURLUPart part, char **text, unsigned int flags) { return LIBCURL(curl_url_get)(url, part, text, flags); }
