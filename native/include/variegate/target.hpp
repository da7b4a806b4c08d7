// The instruction set that a file is compiled for: each file of native/verbs is compiled once for
// each of them, with all that it shares in a namespace of that name, so that no baseline code is
// ever linked to a function that needs more (see CMakeLists.txt and src/dispatch.cpp).
#pragma once

#ifndef VARIEGATE_TARGET
#define VARIEGATE_TARGET baseline
#endif
