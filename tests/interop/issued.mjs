// What the server issues, read by jose from the published keys, and what jose makes of keys, read by the server.
import { SignJWT, calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, exportJWK, exportPKCS8, exportSPKI, jwtVerify } from 'jose';
import { makeHolder, randomId, signedNames } from './tokens.mjs';

/** A key pair made by jose is taken in both of its public spellings, and never with its private half. */
export async function keys(trial) {
  const tenant = await trial.makeTenant();
  const path = `/v1/tenants/${tenant}/tokens`;
  const holder = await makeHolder();
  const order = (key) => ({ token: trial.adminToken, body: { subject_pubkey: key, scope: 'READ', expires_in_seconds: 600 } });
  for (const key of [holder.jwk, JSON.stringify(holder.jwk), await exportSPKI(holder.publicKey), holder.jwk.x]) {
    const issued = await trial.need(201, 'POST', path, order(key));
    trial.expect('the key as the server took it', issued.subject_pubkey, holder.jwk.x);
    trial.expect('who is meant', decodeJwt(issued.token).sub, holder.thumbprint);
  }
  for (const key of [await exportJWK(holder.privateKey), await exportPKCS8(holder.privateKey)]) {
    const answer = await trial.send('POST', path, order(key));
    trial.expect('a private key', [answer.status, answer.json.errors?.[0]?.pointer], [422, '/subject_pubkey']);
    trial.expect('what is said of it', JSON.stringify(answer.json).includes('private_key_material'), true);
  }
}

/** The published keys are those that jose names by RFC 7638, and hold no private half. */
export async function published(trial) {
  const { keys: found } = await trial.need(200, 'GET', '/.well-known/jwks.json');
  trial.expect('how many there are', found.length > 0, true);
  for (const key of found) {
    trial.expect('its name', key.kid, await calculateJwkThumbprint(key));
    trial.expect('its kind', [key.kty, key.crv, key.alg, key.use, 'd' in key], ['OKP', 'Ed25519', trial.algorithm, 'sig', false]);
  }
}

/** A token is a JWT: its signature, issuer, audience, type and times hold for jose, and no others do. */
export async function verified(trial) {
  const { token, tenant, holder, token_id: tokenId, expires_at: expiresAt, kid } = await trial.issue();
  const wanted = { issuer: trial.url, audience: trial.audience, typ: 'cadastre-cap+jwt', algorithms: signedNames };
  if (!trial.readsIssued) {
    await trial.throws('a name that this jose does not know', jwtVerify(token, trial.issuerKeys, wanted), 'ERR_JOSE_NOT_SUPPORTED');
    trial.expect('the header', decodeProtectedHeader(token), { alg: trial.algorithm, kid, typ: 'cadastre-cap+jwt' });
    return;
  }
  const { payload, protectedHeader } = await jwtVerify(token, trial.issuerKeys, wanted);
  trial.expect('the header', protectedHeader, { alg: trial.algorithm, kid, typ: 'cadastre-cap+jwt' });
  trial.expect('what it says', [payload.sub, payload.tid, payload.scope, payload.jti, payload.cnf, payload.del_max_depth],
    [holder.thumbprint, tenant, 'service:tenant-admin', tokenId, { jwk: holder.jwk }, 4]);
  trial.expect('its end', payload.exp * 1000, Date.parse(expiresAt));
  for (const [what, others, code] of [
    ['of another issuer', { issuer: `${trial.url}/` }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['for another deployment', { audience: 'cadastre:elsewhere' }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['of another type', { typ: 'at+jwt' }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['under another algorithm', { algorithms: ['ES256'] }, 'ERR_JOSE_ALG_NOT_ALLOWED'],
    ['after its end', { currentDate: new Date(payload.exp * 1000) }, 'ERR_JWT_EXPIRED'],
  ]) {
    await trial.throws(`a token ${what}`, jwtVerify(token, trial.issuerKeys, { ...wanted, ...others }), code);
  }
  const [header, , signature] = token.split('.');
  const claims = Buffer.from(JSON.stringify({ ...payload, scope: 'READ' })).toString('base64url');
  const changed = [header, claims, signature].join('.');
  await trial.throws('a changed token', jwtVerify(changed, trial.issuerKeys, wanted), 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
  await trial.refused('a changed token, by the server', changed, 401, 'signature_invalid');
  await trial.accepted('the token itself', token);
}

/** What jose signs in the issuer's place is nobody's token. */
export async function forged(trial) {
  const { token, holder } = await trial.issue();
  const [claims, header] = [decodeJwt(token), decodeProtectedHeader(token)];
  const sign = (body, head) => new SignJWT(body).setProtectedHeader({ ...head, alg: 'EdDSA' }).sign(holder.privateKey);
  await trial.refused('signed by its own holder', await sign({ ...claims, jti: randomId() }, header), 401, 'signature_invalid');
  await trial.refused('under the holder\'s key id', await sign(claims, { ...header, kid: holder.thumbprint }), 401, 'unknown_kid');
  await trial.refused('with the key in the header', await sign(claims, { ...header, jwk: holder.jwk }), 401, 'unknown_header_param:jwk');
  await trial.refused('of another type', await sign(claims, { ...header, typ: 'JWT' }), 401, 'bad_typ');
}
