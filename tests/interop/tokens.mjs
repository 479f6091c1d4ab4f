// Keys, links and DPoP proofs as docs/TOKENS.md has them, made with jose and Node's SHA-256 alone.
import { createHash, randomBytes } from 'node:crypto';
import { SignJWT, calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, importJWK, jwtVerify } from 'jose';

/** The names under which a signature of an Ed25519 key is accepted. */
export const signedNames = ['EdDSA', 'Ed25519'];

export const nowS = () => Math.floor(Date.now() / 1000);

const sha256 = (text) => createHash('sha256').update(text).digest('base64url');

export const randomId = () => randomBytes(16).toString('base64url');

/** What is signed of one element, by its hash: the id by which it is revoked. */
export const ridOf = (element) => sha256(element.slice(0, element.lastIndexOf('.')));

export const elementsOf = (chain) => chain.split('~');

export const lastOf = (chain) => elementsOf(chain).at(-1);

/** Somebody who holds a key pair. */
export async function makeHolder() {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const jwk = await exportJWK(pair.publicKey);
  return { ...pair, jwk, thumbprint: await calculateJwkThumbprint(jwk) };
}

/** A signed JWT; a claim that is undefined is left out. */
function jwt(claims, header, key) {
  return new SignJWT(claims).setProtectedHeader(header).sign(key);
}

/** The chain with one link more, made by the holder of its last element for the next one. It says what its parent says unless `claims`
 * say otherwise. */
export async function withLink(chain, holder, next, claims = {}, header = {}) {
  const parent = decodeJwt(lastOf(chain));
  const position = elementsOf(chain).length;
  const inherited = {
    iss: holder.thumbprint, par_hash: ridOf(lastOf(chain)), del_depth: position, del_max_depth: parent.del_max_depth ?? position,
    scope: parent.scope, jti: randomId(), iat: nowS(), exp: parent.exp, cnf: { jwk: next.jwk },
  };
  const link = await jwt({ ...inherited, ...claims }, { alg: 'EdDSA', typ: 'cadastre-link+jwt', ...header }, holder.privateKey);
  return `${chain}~${link}`;
}

/** A proof (RFC 9449 section 4.2) that whoever sends the request holds the key, unless `claims` say otherwise. */
export function makeProof(holder, chain, method, url, claims = {}, header = {}) {
  const made = { ath: sha256(chain), htm: method, htu: url, iat: nowS(), jti: randomId(), ...claims };
  return jwt(made, { alg: 'EdDSA', typ: 'dpop+jwt', jwk: holder.jwk, ...header }, holder.privateKey);
}

/** The claims of each element, once every signature is found to be that of the key named above it, and every link to hang where it says. */
export async function verifyChain(chain, issuerKeys, issuer, audience) {
  const [root, ...links] = elementsOf(chain);
  const { payload } = await jwtVerify(root, issuerKeys, { issuer, audience, typ: 'cadastre-cap+jwt', algorithms: signedNames });
  const claims = [payload];
  let parent = root;
  for (const [index, link] of links.entries()) {
    const { jwk } = claims.at(-1).cnf;
    const verified = await jwtVerify(link, await importJWK(jwk, 'EdDSA'),
      { issuer: await calculateJwkThumbprint(jwk), typ: 'cadastre-link+jwt', algorithms: signedNames });
    if (verified.payload.par_hash !== ridOf(parent)) throw new Error(`link ${index + 1} hangs below another token`);
    if (verified.payload.del_depth !== index + 1) throw new Error(`link ${index + 1} is not at its place`);
    claims.push(verified.payload);
    parent = link;
  }
  return claims;
}

/** The names of Ed25519 that this jose can sign under: releases before 5.10 know EdDSA only. */
export async function namesToSignWith() {
  const { privateKey } = await makeHolder();
  const known = await Promise.all(signedNames.map((alg) => jwt({}, { alg }, privateKey).then(() => true, (error) => {
    if (error.code !== 'ERR_JOSE_NOT_SUPPORTED') throw error;
    return false;
  })));
  return signedNames.filter((_, index) => known[index]);
}
