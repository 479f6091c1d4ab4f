"""Makes keys, signatures and tokens that no server would make, by means of the openssl program."""
import base64
import hashlib
import json
import pathlib
import secrets
import subprocess
import tempfile
import time

PKCS8_PREFIX = bytes.fromhex("302e020100300506032b657004220420")  # RFC 8410 section 7


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text)


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(value):
    """RFC 8785 JSON of values without fractions."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def openssl(arguments, seed, message=b""):
    """What the program prints, given the private key of that seed and a message, both as files."""
    with tempfile.TemporaryDirectory() as folder:
        key, text = pathlib.Path(folder, "key.der"), pathlib.Path(folder, "message")
        key.write_bytes(PKCS8_PREFIX + seed)
        text.write_bytes(message)
        named = [{"KEY": key, "MESSAGE": text}.get(each, each) for each in arguments]
        return subprocess.run(["openssl", *named], capture_output=True, check=True).stdout


def public_key_of(seed):
    """The 32 bytes of the Ed25519 public key."""
    return openssl(["pkey", "-inform", "DER", "-in", "KEY", "-pubout", "-outform", "DER"], seed)[-32:]


def sign(seed, message):
    return openssl(["pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", "KEY", "-in", "MESSAGE"], seed, message)


def jws(seed, header, payload):
    """A compact JWS of that header and those claims."""
    signed = f"{b64url(canonical(header))}.{b64url(canonical(payload))}"
    return f"{signed}.{b64url(sign(seed, signed.encode()))}"


def claims_of(token):
    return json.loads(decode_b64url(token.split(".")[1]))


def changed(token, seed, **claims):
    """The same token with other claims, signed with the key of that seed; a claim of None is left out."""
    header = json.loads(decode_b64url(token.split(".")[0]))
    payload = {name: value for name, value in {**claims_of(token), **claims}.items() if value is not None}
    return jws(seed, header, payload)


def rid_of(element):
    """The revocation id of one element: the hash of what was signed."""
    return b64url(hashlib.sha256(element.rpartition(".")[0].encode()).digest())


def link(token, seed, public_key, **claims):
    """The token with one link more, made for `public_key` (32 bytes) by the holder of the last element's key, whose seed it is. It
    says what its parent says unless claims say otherwise; a claim of None is left out."""
    parent = token.rpartition("~")[2]
    above = claims_of(parent)
    position = token.count("~") + 1
    payload = {"iss": thumbprint(public_key_of(seed)), "par_hash": rid_of(parent), "del_depth": position,
               "del_max_depth": above.get("del_max_depth", position), "scope": above["scope"], "jti": b64url(secrets.token_bytes(16)),
               "iat": int(time.time()), "exp": above["exp"],
               "cnf": {"jwk": {"crv": "Ed25519", "kty": "OKP", "x": b64url(public_key)}}, **claims}
    payload = {name: value for name, value in payload.items() if value is not None}
    return f"{token}~{jws(seed, {'alg': 'EdDSA', 'typ': 'cadastre-link+jwt'}, payload)}"


def proof(seed, token, method, url, **claims):
    """A DPoP proof (RFC 9449 section 4.2) for a request under the token, unless claims say otherwise."""
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64url(public_key_of(seed))}
    hashed = b64url(hashlib.sha256(token.encode()).digest())
    payload = {"ath": hashed, "htm": method, "htu": url, "iat": int(time.time()), "jti": b64url(secrets.token_bytes(16)), **claims}
    return jws(seed, {"alg": "EdDSA", "jwk": jwk, "typ": "dpop+jwt"}, payload)


def session_proof(seed, challenge, header=(), **claims):
    """What opens a session: the answer of POST /v1/sessions/challenges, signed by the holder of the token's key; a claim of None is left
    out."""
    payload = {"aud": challenge["aud"], "iat": int(time.time()), "jti": b64url(secrets.token_bytes(16)), "nonce": challenge["nonce"],
               "rid": challenge["rid"], **claims}
    payload = {name: value for name, value in payload.items() if value is not None}
    return jws(seed, {"alg": "EdDSA", "typ": "cadastre-session+jwt", **dict(header)}, payload)


def enrolment(seed, audience, tenant, device, nonce, key=None, **claims):
    """A device's proof of its key (docs/TOKENS.md section 14), unless claims say otherwise; `key` (32 bytes) is what it says to be the
    signer's."""
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64url(key or public_key_of(seed))}
    payload = {"aud": audience, "tid": tenant, "device_id": device, "nonce": nonce, "iat": int(time.time()),
               "jti": b64url(secrets.token_bytes(16)), **claims}
    return jws(seed, {"alg": "EdDSA", "jwk": jwk, "typ": "cadastre-enrol+jwt"}, payload)


def fingerprint(public_key):
    """As `ssh-keygen -l` shows the key."""
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", public_key))
    return "SHA256:" + b64(hashlib.sha256(blob).digest()).rstrip("=")


def seed_of(data_dir, name):
    """A private key of a server: `token-issuer` or `ledger-master`."""
    return bytes.fromhex((data_dir / "keys" / f"{name}.key").read_text(encoding="ascii").strip())


def thumbprint(public_key):
    """RFC 7638, as base64url."""
    return b64url(hashlib.sha256(canonical({"crv": "Ed25519", "kty": "OKP", "x": b64url(public_key)})).digest())
