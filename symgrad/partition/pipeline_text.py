"""The part of a pipeline's module that is the same for every derivation: packing, the schedule, and what stages hand on.

Every device runs the same program, in which `jax.lax.switch` picks the work of its own stage; so arrays that differ from stage to
stage travel as vectors of one length.
"""

PIPELINE = '''
class Stage(NamedTuple):
    """The shapes of what a stage holds, receives, returns and adds up, and its three functions."""

    params: tuple
    received: tuple
    returned: tuple
    sums: tuple
    forward: Any
    backward: Any
    last: Any


def make_mesh(devices=None):
    """One device a stage: these, or the first of all that jax sees."""
    devices = jax.devices() if devices is None else devices
    if len(devices) < STAGES:
        raise ValueError(f"{STAGES} stages need as many devices, and there are {len(devices)}")
    return jax.make_mesh((STAGES,), ("stage",), devices=devices[:STAGES], axis_types=(jax.sharding.AxisType.Auto,))


def packed(arrays, length, dtype):
    """Arrays as one vector of this length, with zeros behind."""
    flat = jnp.concatenate([jnp.zeros(0, dtype), *(jnp.ravel(a) for a in arrays)])
    return jnp.pad(flat, (0, length - flat.size))


def unpacked(flat, shapes):
    """The arrays of these shapes that a vector holds."""
    arrays, start = [], 0
    for shape in shapes:
        arrays.append(flat[start : start + math.prod(shape)].reshape(shape))
        start += math.prod(shape)
    return tuple(arrays)


def length(groups):
    """Entries of the largest of several groups of shapes."""
    return max((sum(map(math.prod, shapes)) for shapes in groups), default=0)


def batch(data, m):
    """Microbatch m of the inputs that have one."""
    cut = lambda x, axis: jax.lax.dynamic_slice_in_dim(x, m * (x.shape[axis] // MICRO), x.shape[axis] // MICRO, axis)
    return tuple(x if axis is None else cut(x, axis) for x, axis in zip(data, INPUTS.values(), strict=True))


def run(stages, params, *data):
    """One device's work: its stage on one microbatch after the other, forward, then backward; then what needs all of them."""
    at, ticks, dtype = jax.lax.axis_index("stage"), MICRO + STAGES - 1, params.dtype
    flat = params[0]
    wide, back = length(s.received for s in stages), length(s.returned for s in stages)
    onward = [(i, i + 1) for i in range(STAGES - 1)]
    homeward = [(i + 1, i) for i in range(STAGES - 1)]

    def own(function):
        return jax.lax.switch(at, [partial(function, i) for i in range(STAGES)])

    inboxes = [jnp.zeros(wide, dtype)]
    for tick in range(ticks - 1):

        def forward(i, tick=tick):
            m, stage = tick - i, stages[i]
            if not 0 <= m < MICRO or i == STAGES - 1:
                return jnp.zeros(wide, dtype)
            given = unpacked(flat, stage.params), batch(data, m), unpacked(inboxes[m + i], stage.received)
            return packed(stage.forward(*given), wide, dtype)

        inboxes.append(jax.lax.ppermute(own(forward), "stage", onward))

    sums, inbox = jnp.zeros(length(s.sums for s in stages), dtype), jnp.zeros(back, dtype)
    for tick in range(ticks):

        def backward(i, tick=tick, inbox=inbox):
            m, stage = tick - (STAGES - 1 - i), stages[i]
            if not 0 <= m < MICRO:
                return jnp.zeros(back, dtype), jnp.zeros_like(sums)
            returned = unpacked(inbox, stages[i + 1].returned) if i + 1 < STAGES else ()
            given = unpacked(flat, stage.params), batch(data, m), unpacked(inboxes[m + i], stage.received)
            bars, added = stage.backward(*given, returned)
            return packed(bars, back, dtype), packed(added, sums.size, dtype)

        bars, added = own(backward)
        sums = sums + added
        if tick < ticks - 1:
            inbox = jax.lax.ppermute(bars, "stage", homeward)

    def last(i):
        stage = stages[i]
        value, gradient = stage.last(unpacked(flat, stage.params), data, unpacked(sums, stage.sums))
        return jnp.asarray(value, dtype), packed(gradient, flat.size, dtype)

    value, gradient = own(last)
    return jax.lax.psum(value, "stage"), gradient[None]
'''
