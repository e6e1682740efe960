// The one door to Catch2, version 2 or 3: TEST_CASE SECTION REQUIRE CHECK INFO GENERATE only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#else
#include <catch2/catch.hpp>
#endif
