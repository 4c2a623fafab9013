// First what the Glibc module has: otherwise what headers of both declare would be of this module or that, as the order of loading has it.
#pragma clang module import SwiftGlibc

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

// A daemon is started, and facts are asked for, by variadic functions, which Swift does not call.

struct mhd_settings {
    // Taken over where the daemon starts.
    int listener;
    size_t connection_memory;
    unsigned connections;
    // 0 for no limit.
    unsigned connections_per_address;
    // PEM; null for no TLS. They are used as long as the daemon runs.
    const char *certificate, *key;
    // PEM; null where clients need no certificate.
    const char *authorities;
    void *context;
    MHD_AccessHandlerCallback request;
    void *(*target)(void *context, const char *uri, struct MHD_Connection *connection);
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
};

static inline struct MHD_Daemon *mhd_start(const struct mhd_settings *settings) {
    struct MHD_OptionItem options[12] = {
        {MHD_OPTION_LISTEN_SOCKET, settings->listener, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings->connection_memory, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, settings->connections, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, settings->connections_per_address, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)settings->target, settings->context},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)settings->completed, settings->context},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)settings->connection, settings->context},
    };
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_TURBO;
    int count = 8;
    if (settings->certificate != NULL) {
        flags |= MHD_USE_TLS;
        options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)settings->certificate};
        options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)settings->key};
        if (settings->authorities != NULL)
            options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)settings->authorities};
    }
    options[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(flags, 0, NULL, NULL, settings->request, settings->context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static inline int mhd_listening_socket(struct MHD_Daemon *daemon) {
    return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
}

// What MHD_NOTIFY_CONNECTION has stored for the connection.
static inline void *mhd_connection_context(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static inline int mhd_connection_socket(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static inline const struct sockaddr *mhd_connection_address(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

// The bytes from the method to the end of the empty line that ends the head.
static inline size_t mhd_head_size(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
}

// After so many seconds in which nothing could be sent or read the connection is closed; 0 for never.
static inline void mhd_set_timeout(struct MHD_Connection *connection, unsigned seconds) {
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

static const ssize_t mhd_end_of_stream = MHD_CONTENT_READER_END_OF_STREAM;

struct mhd_client_certificate {
    // The common name of the subject, and the SHA-256 of the certificate.
    char name[256];
    size_t name_size;
    unsigned char fingerprint[32];
};

// Verifies the certificate of the client against the authorities of the daemon, for use by a client. 0, or an error of gnutls.
static inline int mhd_verify_client(struct MHD_Connection *connection, struct mhd_client_certificate *result) {
    gnutls_session_t session = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    gnutls_typed_vdata_st purpose = {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT, 0};
    unsigned status = 0, count = 0;
    int code = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
    if (code != 0) return code;
    if (status != 0) return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (chain == NULL || count == 0) return GNUTLS_E_NO_CERTIFICATE_FOUND;
    size_t size = sizeof result->fingerprint;
    code = gnutls_fingerprint(GNUTLS_DIG_SHA256, &chain[0], result->fingerprint, &size);
    if (code != 0) return code;
    gnutls_x509_crt_t certificate;
    code = gnutls_x509_crt_init(&certificate);
    if (code != 0) return code;
    code = gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER);
    result->name_size = sizeof result->name;
    if (code == 0 && gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, result->name, &result->name_size) != 0)
        result->name_size = 0;
    gnutls_x509_crt_deinit(certificate);
    return code;
}

// Whether PEM texts can be used: a certificate and its key, and authorities, which may be null. 0, or an error of gnutls.
static inline int mhd_check_pem(const char *certificate, const char *key, const char *authorities) {
    gnutls_certificate_credentials_t credentials;
    int code = gnutls_certificate_allocate_credentials(&credentials);
    if (code != 0) return code;
    gnutls_datum_t texts[2] = {
        {(unsigned char *)certificate, (unsigned)strlen(certificate)}, {(unsigned char *)key, (unsigned)strlen(key)}};
    code = gnutls_certificate_set_x509_key_mem(credentials, &texts[0], &texts[1], GNUTLS_X509_FMT_PEM);
    if (code == 0 && authorities != NULL) {
        gnutls_datum_t text = {(unsigned char *)authorities, (unsigned)strlen(authorities)};
        code = gnutls_certificate_set_x509_trust_mem(credentials, &text, GNUTLS_X509_FMT_PEM);
        code = code > 0 ? 0 : code == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : code;
    }
    gnutls_certificate_free_credentials(credentials);
    return code;
}

// The process at the other end of a Unix socket, as it was when it connected. 0, or -1 with errno.
struct peer_credentials {
    int pid;
    unsigned uid, gid;
};
static inline int get_peer_credentials(int socket, struct peer_credentials *credentials) {
    socklen_t size = sizeof *credentials;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, credentials, &size);
}

// Its supplementary groups: how many there are at most `room`, or -1 with errno.
static inline int get_peer_groups(int socket, unsigned *groups, int room) {
    socklen_t size = (socklen_t)(room * sizeof *groups);
    return getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0 ? (int)(size / sizeof *groups) : -1;
}
