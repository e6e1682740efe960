// The test runner where Catch2 is version 2 (EL8), which brings none as a library.
// SPDX-License-Identifier: Apache-2.0
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
