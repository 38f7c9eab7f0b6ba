"""What the kernels are told: one array of integers a call, and the sizes of their scratch memory.

Each task's views of arrays cost numba their counted references: 24 tasks of one step each took 18.5
us with them, 4.7 with such a plan, and all 49 steps take 34. So a plan holds addresses and strides
(both in bytes; the last axis is dense), and a kernel works out where things are. Letters as in
``ssmamba/ops/reference.py``.

Every kernel's plan begins alike: tasks taken and tasks there are, threads that have come, and the
scratch memory with the bytes that each thread has of it.
"""

from __future__ import annotations

FLOAT_BYTES = 4
LANES = 16
LINE_FLOATS = 16  # of a cache line
PIXELS = 64  # that are looked at together
QUAD_BYTES = 16  # of a pixel as four floats
FORWARD_ROW = 3 * LANES
BACKWARD_ROW = 7 * LANES
GATHERED = 16  # floats that one block and step add to the gradients of B (first 8) and C (last 8)

# fmt: off
TAKEN, TASKS, SEATS, SCRATCH, SEAT_BYTES = range(5)

(
    BATCH, LENGTH, CHANNELS, DIRECTIONS, STATES,
    PLANES,            # of y: R, one for each direction, or 1, where the second adds to the first
    CHUNK,             # steps at a time, and between two checkpoints
    KEEP, WANT_STATE, SOFTPLUS, REVERSE,  # 0 or 1
    NARROW,            # 0 or 1: whether vectors hold states of one channel (see is_narrow)
    U, U_BATCH, U_ROW,
    DELTA, DELTA_BATCH, DELTA_ROW, DELTA_DIRECTION,
    A, A_DIRECTION, A_CHANNEL,
    B, B_BATCH, B_ROW, B_DIRECTION,
    C, C_BATCH, C_ROW, C_DIRECTION,
    D, D_DIRECTION,          # address 0: none
    BIAS, BIAS_DIRECTION,    # address 0: none
    WEIGHT, WEIGHT_DIRECTION, WEIGHT_CHANNEL,  # (R, channels, rank): what makes delta, or none
    RANK,                    # 0: delta is given; else it has so many entries, to be multiplied
    Z, Z_BATCH, Z_ROW,       # address 0: no gate
    GROUPS,                  # parts of the channels, each a task of its own; blocks if not narrow
    Y,                       # dense, as are the next two
    CHECKPOINTS,
    LAST,
    FORWARD_SIZE,
) = range(5, 51)

# The backward plan is the forward one as far as delta_bias, and then:
(
    GRAD_Y, GRAD_Y_BATCH, GRAD_Y_ROW,
    KEPT,                    # the forward pass's checkpoints, dense
    GRAD_LAST, GRAD_LAST_BATCH, GRAD_LAST_DIRECTION, GRAD_LAST_CHANNEL,  # address 0: none
    SLOTS,                   # parts of the channel blocks, each with sums of its own for B and C
    GRAD_U, GRAD_DELTA, GRAD_A, GRAD_B, GRAD_C, GRAD_D, GRAD_BIAS,       # all dense
    BACKWARD_SIZE,
) = range(WEIGHT, WEIGHT + 17)
# Passes over rows, see ``rows.py``. HALF: 1 where it is bfloat16.
IDENTITY, NORM, SILU, POOL, MOMENTS = range(5)
(
    OPERATION,
    ROWS, WIDTH,             # of all tasks; entries of a row
    GRAIN,                   # rows of one task
    FIRST, FIRST_ROW, FIRST_HALF,
    SECOND, SECOND_ROW, SECOND_HALF,  # address 0: none
    SUM, SUM_ROW,            # float32; address 0: none
    OUT, OUT_ROW, OUT_HALF,  # address 0: none
    SCALE,                   # of a norm: weight (WIDTH), bias (WIDTH), epsilon
    HIGH, WIDE,              # of the pictures that are pooled or measured
    ROWS_SIZE,
) = range(5, 24)
# Pictures made smaller, see ``area.py``; each is (AREA_FROM_HIGH, AREA_FROM_WIDE, 3) bytes.
(
    AREA_COUNT, AREA_IMAGES,         # how many, and where the addresses of all stand
    AREA_FROM_WIDE,
    AREA_OUT, AREA_HIGH, AREA_WIDE,  # all of them, dense
    # for each new column and row: the first it covers, and where its weights end
    AREA_X_FIRST, AREA_X_TAPS, AREA_X_WEIGHTS,  # fours of new columns, see ``_Taps``
    AREA_Y_FIRST, AREA_Y_END, AREA_Y_WEIGHTS,
    AREA_SCRATCH,
    AREA_SIZE,
) = range(14)
# A first look at pictures of (GLANCE_HIGH, GLANCE_WIDE, 3) bytes, see ``glance.py``.
(
    GLANCE_COUNT, GLANCE_IMAGES,     # how many, and where the addresses of all stand
    GLANCE_HIGH, GLANCE_WIDE,
    GLANCE_OUT,                      # (GLANCE_COUNT, SEEN_SIZE) float64
    # the largest value of a byte that is dark, black, and so on
    GLANCE_DARK, GLANCE_BLACK, GLANCE_SHADED, GLANCE_BRIGHT, GLANCE_NEUTRAL, GLANCE_GREEN,
    GLANCE_RED,
    GLANCE_STAINED,                  # the least that is
    GLANCE_STEP, GLANCE_LIMITS,      # side of the squares in which ink is looked for; 0: none is
    GLANCE_WEIGHTS, GLANCE_ENOUGH,   # of the blur; squares of detail after which no more are wanted
    GLANCE_SCRATCH,
    GLANCE_SIZE,
) = range(19)
(
    SEEN_LIGHT, SEEN_TISSUE, SEEN_LIT,  # pixels that are not dark, have stain, are not black
    SEEN_INK,                           # that have a colour of ink, counted once for each colour
    SEEN_EDGE,                          # that are neutral, along that edge that has the most
    SEEN_INK_SQUARES,
    SEEN_VARIANCE, SEEN_NEAR, SEEN_FAR, SEEN_DETAIL,  # of sums of the three colours
    SEEN_SIZE,
) = range(11)
# fmt: on


def padded_lanes(count: int) -> int:
    return (count + LANES - 1) // LANES * LANES


def padded_states(N: int) -> int:
    """States in whole blocks of 8; a single state has a block of its own."""
    return N if N == 1 else (N + 7) // 8 * 8


def is_narrow(channels: int, N: int) -> bool:
    """Whether vectors of 16 states of one channel are fewer than vectors of 16 channels.

    By an eighth at least: the states of a vector have to be added up.
    """
    blocks = (channels + LANES - 1) // LANES
    return 8 * channels * padded_lanes(N) <= 7 * blocks * LANES * padded_states(N)


def kept_floats(padded: int) -> int:
    """Of one channel block in the backward pass: carry, gradient of A, A, and two sums."""
    return (3 * padded + 2) * LANES


def forward_floats(chunk: int, N: int, rank: int) -> int:
    """Scratch floats of one thread in the forward pass."""
    padded = padded_lanes(N)
    return (2 * padded + padded_lanes(rank)) * LANES + chunk * (FORWARD_ROW + 2 * padded)


def narrow_forward_floats(chunk: int, N: int, rank: int, width: int) -> int:
    """The same with states side by side, for ``width`` channels."""
    states = (2 * width + 2 * chunk) * padded_lanes(N) + rank * padded_lanes(width)
    return states + 5 * (chunk * width + LANES) + width * LANES * LANES + LANES


def rows_floats(width: int) -> int:
    """Scratch floats of one thread in a pass over rows."""
    return padded_lanes(width) + LANES


def backward_floats(chunk: int, N: int, blocks: int) -> int:
    """Scratch floats of one thread in the backward pass; ``blocks`` of channels are its own."""
    S = padded_states(N)
    tape = (chunk + 1) * 2 * LANES * min(S, 8)
    gathered = chunk * GATHERED * ((S + 7) // 8)
    rows = chunk * (BACKWARD_ROW + 2 * padded_lanes(N))
    return rows + tape + gathered + blocks * kept_floats(padded_lanes(N)) + LANES * LANES


def narrow_backward_floats(chunk: int, N: int, width: int) -> int:
    """The same with states side by side, for ``width`` channels."""
    states = (4 * chunk + 3 * width) * padded_lanes(N)
    return 11 * (chunk * width + LANES) + states + (4 * chunk + 3) * LANES


def area_floats(from_wide: int, wide: int) -> int:
    """Scratch floats for pictures that are made smaller."""
    return 2 * padded_lanes(4 * wide) + LANES + padded_lanes(3 * from_wide + 4)


def glance_floats(high: int, wide: int) -> int:
    """Scratch floats for a first look."""
    return high * wide + PIXELS + 4 * padded_lanes(wide + LANES)
