#include <sqlite3.h>

// Closing a connection usually merges its log into the file. Not here, if told so: sqlite3_db_config is variadic, which Swift does
// not call.
static inline int sqlite3_keep_log_on_close(sqlite3 *connection, int keep) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep, (int *)0);
}
