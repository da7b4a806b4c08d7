// Files read while the interpreter is free: its lock is handed over once for many of them.
#include "arguments.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#define VARIEGATE_READS_FILES 1
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace nb = nanobind;

namespace variegate {
namespace {

struct Content {
    std::unique_ptr<char[]> bytes; // none where the file is left to somebody else
    size_t size = 0;
};

#if defined(VARIEGATE_READS_FILES)
class File {
  public:
    explicit File(const char* path) : number_(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {}
    ~File() {
        if (number_ >= 0) close(number_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    // A regular file of at most `most` bytes that has as many as are told.
    Content content(int64_t most) const {
        struct stat about;
        if (number_ < 0 || fstat(number_, &about) != 0 || !S_ISREG(about.st_mode)) return {};
        if (about.st_size > most) return {};
        const auto size = static_cast<size_t>(about.st_size);
        Content found{std::unique_ptr<char[]>(new char[size + 1]), size};
        size_t done = 0; // one byte more is asked for: there may be more by now
        while (done <= size) {
            const ssize_t more = read(number_, found.bytes.get() + done, size + 1 - done);
            if (more < 0) return {};
            if (more == 0) break;
            done += static_cast<size_t>(more);
        }
        return done == size ? std::move(found) : Content{};
    }

  private:
    const int number_;
};

Content content_of(const std::string& path, int64_t most) {
    if (path.find('\0') != std::string::npos) return {}; // the system would not see its end
    return File(path.c_str()).content(most);
}
#else
Content content_of(const std::string&, int64_t) { return {}; }
#endif

// The content of each file, or None.
nb::list read_files(const nb::list& paths, int64_t most) {
    std::vector<std::string> names;
    for (const nb::handle path : paths) {
        if (!PyBytes_Check(path.ptr())) refuse("paths", "expected bytes");
        names.emplace_back(PyBytes_AsString(path.ptr()),
                           static_cast<size_t>(PyBytes_Size(path.ptr())));
    }
    std::vector<Content> found;
    {
        const nb::gil_scoped_release unlocked;
        for (const std::string& name : names) found.push_back(content_of(name, most));
    }
    nb::list result;
    for (const Content& own : found)
        if (own.bytes)
            result.append(nb::bytes(own.bytes.get(), own.size));
        else
            result.append(nb::none());
    return result;
}

} // namespace

void define_files(nb::module_& m);

void define_files(nb::module_& m) {
    m.def("read_files", &read_files, nb::arg("paths"), nb::arg("most"),
          "The content of each regular file of at most `most` bytes, None for others.");
}

} // namespace variegate
