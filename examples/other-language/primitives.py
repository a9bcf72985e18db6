"""What docs/protocol.md takes from other documents, in plain Python: Ed25519 (RFC 8032), X25519 (RFC 7748),
ristretto255 (RFC 9496), CPace (draft 21), AES-256-GCM, HKDF and HPKE (RFC 9180).

To be read and to check others against. It takes no care of time: what really guards something takes a library."""

import hashlib
import hmac

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def sha256(data): return hashlib.sha256(data).digest()
def sha512(data): return hashlib.sha512(data).digest()


# ---- the curve, in extended coordinates (X, Y, Z, T) -------------------------------------------------------

NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar, point):
    result = NEUTRAL
    while scalar > 0:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point_bytes(p):
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def point_of(data):
    """None for what is no point, or one that is written in another way than its own."""
    value = int.from_bytes(data, "little")
    sign, y = value >> 255, value & (2**255 - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


# ---- Ed25519 -----------------------------------------------------------------------------------------------

def _secret(seed):
    digest = sha512(seed)
    scalar = int.from_bytes(digest[:32], "little")
    return (scalar & ((1 << 254) - 8)) | (1 << 254), digest[32:]


def ed25519_public(seed):
    return point_bytes(multiply(_secret(seed)[0], BASE))


def ed25519_sign(seed, message):
    scalar, prefix = _secret(seed)
    public = ed25519_public(seed)
    nonce = int.from_bytes(sha512(prefix + message), "little") % L
    r = point_bytes(multiply(nonce, BASE))
    k = int.from_bytes(sha512(r + public + message), "little") % L
    return r + ((nonce + k * scalar) % L).to_bytes(32, "little")


def ed25519_verify(public, message, signature):
    """As strict as the document says: no key of small order, nothing but the canonical form, no cofactor."""
    point = point_of(public) if len(public) == 32 and len(signature) == 64 else None
    if point is None or same(multiply(8, point), NEUTRAL):
        return False
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(sha512(signature[:32] + public + message), "little") % L
    negative = (P - point[0], point[1], 1, P - point[3])
    return s < L and point_bytes(add(multiply(s, BASE), multiply(k, negative))) == signature[:32]


# ---- X25519 ------------------------------------------------------------------------------------------------

def x25519(secret, public):
    scalar = (int.from_bytes(secret, "little") & ((1 << 254) - 8)) | (1 << 254)
    u = int.from_bytes(public, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for at in range(254, -1, -1):
        bit = scalar >> at & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % P, c * b % P, a * a % P, b * b % P
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        e = aa - bb
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def x25519_public(secret):
    return x25519(secret, (9).to_bytes(32, "little"))


# ---- ristretto255 ------------------------------------------------------------------------------------------

def _is_negative(x): return x % P & 1
def _abs(x): return P - x % P if _is_negative(x) else x % P


def _sqrt_ratio(u, v):
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    correct, flipped, flipped_i = check == u % P, check == -u % P, check == -u * SQRT_M1 % P
    if flipped or flipped_i:
        r = r * SQRT_M1 % P
    return correct or flipped, _abs(r)


INVSQRT_A_MINUS_D = _sqrt_ratio(1, -1 - D)[1]
SQRT_AD_MINUS_ONE = P - _sqrt_ratio(-D - 1, 1)[1]


def ristretto_of(data):
    s = int.from_bytes(data, "little")
    if len(data) != 32 or s >= P or _is_negative(s):
        return None
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    was_square, inverse = _sqrt_ratio(1, v * u2 * u2 % P)
    den_x = inverse * u2 % P
    x, y = _abs(2 * s * den_x), u1 * inverse * den_x * v % P
    t = x * y % P
    return None if not was_square or _is_negative(t) or y == 0 else (x, y, 1, t)


def ristretto_bytes(point):
    x, y, z, t = point
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    inverse = _sqrt_ratio(1, u1 * u2 * u2 % P)[1]
    den1, den2 = inverse * u1 % P, inverse * u2 % P
    z_inverse = den1 * den2 * t % P
    if _is_negative(t * z_inverse):
        x, y, den = y * SQRT_M1 % P, x * SQRT_M1 % P, den1 * INVSQRT_A_MINUS_D % P
    else:
        den = den2
    if _is_negative(x * z_inverse):
        y = -y
    return _abs(den * (z - y)).to_bytes(32, "little")


def _elligator(data):
    t = int.from_bytes(data, "little") & (2**255 - 1)
    r = SQRT_M1 * t * t % P
    u, v = (r + 1) * (1 - D * D) % P, (-1 - r * D) * (r + D) % P
    was_square, s = _sqrt_ratio(u, v)
    c = -1
    if not was_square:
        s, c = -_abs(s * t), r
    n = (c * (r - 1) * (D - 1) ** 2 - v) % P
    w0, w1, w2, w3 = 2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
    return (w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P)


def ristretto_from_hash(data):
    return add(_elligator(data[:32]), _elligator(data[32:]))


# ---- CPace -------------------------------------------------------------------------------------------------

def _prepend_len(data):
    length, head = len(data), b""
    while length >= 0x80:
        head += bytes([length & 0x7F | 0x80])
        length >>= 7
    return head + bytes([length]) + data


def _lv_cat(*parts): return b"".join(_prepend_len(part) for part in parts)


def cpace_share(prs, ci, sid, randomness):
    """The scalar, and what is sent of it."""
    dsi = b"CPaceRistretto255"
    pad = bytes(max(0, 128 - 1 - len(_prepend_len(prs)) - len(_prepend_len(dsi))))
    generator = ristretto_from_hash(sha512(_lv_cat(dsi, prs, pad, ci, sid)))
    scalar = int.from_bytes(randomness, "little") % L
    return scalar, ristretto_bytes(multiply(scalar, generator))


def cpace_isk(scalar, theirs, sid, ya, ada, yb, adb):
    point = ristretto_of(theirs)
    if point is None or theirs == bytes(32):
        raise ValueError("the other side sent no element")
    shared = ristretto_bytes(multiply(scalar, point))
    return sha512(_lv_cat(b"CPaceRistretto255_ISK", sid, shared) + _lv_cat(ya, ada) + _lv_cat(yb, adb))


# ---- AES-256-GCM -------------------------------------------------------------------------------------------

def _double(a): return (a << 1 ^ 0x11B) & 0xFF if a & 0x80 else a << 1


def _make_sbox():
    powers, value = [], 1
    for _ in range(255):
        powers.append(value)
        value ^= _double(value)
    box = [0x63] + [0] * 255
    for at, value in enumerate(powers):
        b = powers[-at % 255]
        box[value] = 0x63
        for shift in range(5):
            box[value] ^= (b << shift | b >> 8 - shift) & 0xFF
    return box


SBOX = _make_sbox()


def _round_keys(key):
    words = [key[at : at + 4] for at in range(0, 32, 4)]
    constant = 1
    for at in range(8, 60):
        word = words[-1]
        if at % 8 == 0:
            word = bytes(SBOX[b] for b in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _double(constant)
        elif at % 8 == 4:
            word = bytes(SBOX[b] for b in word)
        words.append(bytes(a ^ b for a, b in zip(words[-8], word)))
    return [b"".join(words[at : at + 4]) for at in range(0, 60, 4)]


def _encrypt_block(keys, block):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number, key in enumerate(keys[1:], 1):
        state = [SBOX[state[(at + 4 * (at % 4)) % 16]] for at in range(16)]
        if number < 14:
            mixed = []
            for at in range(0, 16, 4):
                column = state[at : at + 4]
                every = column[0] ^ column[1] ^ column[2] ^ column[3]
                mixed += [column[i] ^ every ^ _double(column[i] ^ column[(i + 1) % 4]) for i in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, key)]
    return bytes(state)


def _ghash(h, data):
    h, y = int.from_bytes(h, "big"), 0
    for at in range(0, len(data), 16):
        y ^= int.from_bytes(data[at : at + 16], "big")
        product, v = 0, h
        for bit in range(127, -1, -1):
            if y >> bit & 1:
                product ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = product
    return y.to_bytes(16, "big")


def _gcm(key, nonce, text):
    keys = _round_keys(key)
    blocks = range(2, 2 + (len(text) + 15) // 16)
    stream = b"".join(_encrypt_block(keys, nonce + counter.to_bytes(4, "big")) for counter in blocks)

    def tag(sealed):
        padded = sealed + bytes(-len(sealed) % 16) + bytes(8) + (8 * len(sealed)).to_bytes(8, "big")
        digest = _ghash(_encrypt_block(keys, bytes(16)), padded)
        return bytes(a ^ b for a, b in zip(digest, _encrypt_block(keys, nonce + b"\0\0\0\1")))

    return bytes(a ^ b for a, b in zip(text, stream)), tag


def gcm_seal(key, nonce, text):
    sealed, tag = _gcm(key, nonce, text)
    return sealed + tag(sealed)


def gcm_open(key, nonce, sealed):
    text, tag = _gcm(key, nonce, sealed[:-16])
    if len(sealed) < 16 or not hmac.compare_digest(tag(sealed[:-16]), sealed[-16:]):
        raise ValueError("the seal is broken")
    return text


# ---- HKDF and HPKE -----------------------------------------------------------------------------------------

def hkdf_extract(hash_name, salt, material):
    return hmac.digest(salt or bytes(hashlib.new(hash_name).digest_size), material, hash_name)


def hkdf_expand(hash_name, secret, info, length):
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(secret, block + info + bytes([counter]), hash_name)
        output, counter = output + block, counter + 1
    return output[:length]


def _labeled_extract(suite, salt, label, material):
    return hkdf_extract("sha256", salt, b"HPKE-v1" + suite + label + material)


def _labeled_expand(suite, secret, label, info, length):
    return hkdf_expand("sha256", secret, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


KEM = b"KEM\x00\x20"
SUITE = b"HPKE\x00\x20\x00\x01\x00\x02"


def _hpke_key(shared, enc, public, info):
    secret = _labeled_extract(KEM, b"", b"eae_prk", shared)
    secret = _labeled_expand(KEM, secret, b"shared_secret", enc + public, 32)
    ids = [_labeled_extract(SUITE, b"", b"psk_id_hash", b""), _labeled_extract(SUITE, b"", b"info_hash", info)]
    context = b"\0" + b"".join(ids)
    secret = _labeled_extract(SUITE, secret, b"secret", b"")
    key = _labeled_expand(SUITE, secret, b"key", context, 32)
    return key, _labeled_expand(SUITE, secret, b"base_nonce", context, 12)


def hpke_seal(public, info, text, ikm):
    ephemeral = _labeled_expand(KEM, _labeled_extract(KEM, b"", b"dkp_prk", ikm), b"sk", b"", 32)
    enc = x25519_public(ephemeral)
    return enc + gcm_seal(*_hpke_key(x25519(ephemeral, public), enc, public, info), text)


def hpke_open(secret, info, sealed):
    enc = sealed[:32]
    key, nonce = _hpke_key(x25519(secret, enc), enc, x25519_public(secret), info)
    return gcm_open(key, nonce, sealed[32:])
