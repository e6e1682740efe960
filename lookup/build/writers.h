// The writers of single table types, for writer.cc.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "lookup/build/writer.h"

namespace dovetail::lookup {

using OpenWriter = Result<std::unique_ptr<Writer>> (*)(std::string_view type,
                                                       const std::string& name,
                                                       const WriteOptions& options);

Result<std::unique_ptr<Writer>> open_bdb_writer(std::string_view type, const std::string& name,
                                                const WriteOptions& options);
Result<std::unique_ptr<Writer>> open_lmdb_writer(std::string_view type, const std::string& name,
                                                 const WriteOptions& options);
Result<std::unique_ptr<Writer>> open_cdb_writer(std::string_view type, const std::string& name,
                                                const WriteOptions& options);

}  // namespace dovetail::lookup
