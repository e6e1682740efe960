// passdb and userdb sql: dovecot-sql.conf.ext's queries on a SqlDb. Both share one connection pool per file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "authd/passdb/passdb.h"
#include "authd/sql/sql_db.h"
#include "authd/userdb/userdb.h"

namespace dovetail::authd {

std::unique_ptr<Passdb> make_sql_passdb(std::shared_ptr<SqlDb> db, SqlConfig config);
std::unique_ptr<Userdb> make_sql_userdb(std::shared_ptr<SqlDb> db, SqlConfig config);

}  // namespace dovetail::authd
