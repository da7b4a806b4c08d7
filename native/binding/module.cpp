// The Python face of the native engine. Argument checks and calls only; no arithmetic here.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>

namespace nb = nanobind;

NB_MODULE(_native, m) {
    m.doc() = "The native engine's verbs.";
    m.def(
        "version", [] { return std::string(VARIEGATE_VERSION); },
        "The version of the package that this module was built from.");
}
