// What lowering does once for each sample: runs of matrices composed, entries put in order, tables
// settled. variegate/plan (geometry.py, tables.py and lower.py) is the meaning, operation by
// operation; maps with fields stay there.
#pragma once

#include <cstdint>

namespace variegate {

// What MATRIX ops do to rows of the batch; `pick` is each one's place in the tables, whose rows are
// a matrix there (forward) and back and a size (height, width).
struct Moves {
    const int64_t* rows;
    const int64_t* position;
    const int64_t* manner;
    const int64_t* pick;
    int64_t count;
    const double* forward;
    const double* backward;
    const int64_t* size;
};

// Rows whose run ends at a position.
struct Ends {
    const int64_t* rows;
    const int64_t* position;
    int64_t count;
};

// Of each sample: the run so far, if one is pending, and the sizes now and at the run's start.
struct Pending {
    bool* waits;
    int64_t* manner;
    double* forward;
    double* backward;
    int64_t* size;
    int64_t* start_size;
};

// together (count, count): the manner of two in one run, negative where they do not agree.
struct Manners {
    const int64_t* together;
    const int32_t* mode;
    const float* fill;
    int64_t count;
};

// The warp's columns, with room for every run that may end.
struct WarpRows {
    int64_t* rows;
    int64_t* turn;
    double* matrix;
    double* forward;
    int32_t* size;
    int32_t* field_size;
    int32_t* mode;
    float* fill;
};

// Position by position: moves join the run of their row, then runs end. Returns how many runs that
// move anything have ended.
int64_t compose(const Moves&, const Ends&, const Pending&, const Manners&, WarpRows);

// (count, 9) inverses by cofactors.
void invert(const double* matrices, int64_t count, double* out);

// Entries of one verb: those of `samples` run at `turn`; row i is rows[i], or first + i where there
// are none.
struct EntryPart {
    const int64_t* samples;
    const int64_t* turn;
    const int64_t* rows;
    int64_t count;
    int64_t first;
    int32_t verb;
};

// Each sample's entries side by side, in order of their turn, equal ones as the parts come. start
// (samples + 1,).
void order_entries(const EntryPart* parts, int64_t count, int64_t samples, int64_t* start,
                   int32_t* verb, int64_t* row);

} // namespace variegate
