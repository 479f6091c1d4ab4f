// Links made by jose: what narrows is accepted, what widens is refused, and server and jose read the same chain alike.
import { UnsecuredJWT, decodeJwt, generateKeyPair } from 'jose';
import { elementsOf, lastOf, makeHolder, nowS, ridOf, verifyChain, withLink } from './tokens.mjs';

const vm = { vm_type: 'small', ram_mb: 64, vcpu_count: 1 };

/** A token, and the chain of a link of INPUT and one of READ below it; the second is signed by whom the first was made for. */
async function twoLinks(trial, more) {
  const root = await trial.issue(more);
  const [first, second] = [await makeHolder(), await makeHolder()];
  const one = await withLink(root.token, root.holder, first, { scope: 'INPUT' });
  const caveats = [{ method: ['GET'] }, { path: ['/v1/vms', '/v1/vms/**'] }];
  const two = await withLink(one, first, second, { scope: 'READ', exp: nowS() + 300, cav: caveats });
  return { ...root, first, second, one, two, caveats };
}

/** Each link allows what it says and no more. */
export async function narrowing(trial) {
  const { token, first, one, two } = await twoLinks(trial);
  for (const chain of [token, one]) await trial.accepted('a change', chain, 'POST', '/v1/vms', vm);
  await trial.accepted('a read under the second link', two);
  await trial.refused('a change under it', two, 403, 'INSUFFICIENT_SCOPE', 'POST', '/v1/vms', vm);
  await trial.refused('what its caveat leaves out', two, 403, 'CAVEAT_DENIED', 'GET', '/v1/status');
  await trial.refused('a third link by the holder of the first', await withLink(two, first, first), 401, 'signature_invalid');
}

/** The caveats of every element hold, and a caveat of a link reaches what hangs below it. */
export async function caveats(trial) {
  const { token, holder } = await trial.issue({ caveats: [{ op: ['vm.list', 'vm.create'] }] });
  const [first, second] = [await makeHolder(), await makeHolder()];
  const one = await withLink(token, holder, first, { cav: [{ ip: ['127.0.0.0/8'] }] });
  const two = await withLink(one, first, second, { cav: [{ method: ['GET'] }] });
  await trial.accepted('what all of them allow', two);
  await trial.refused('what the last one excludes', two, 403, 'CAVEAT_DENIED', 'POST', '/v1/vms', vm);
  await trial.accepted('the same without it', one, 'POST', '/v1/vms', vm);
  await trial.refused('what the first one excludes', two, 403, 'CAVEAT_DENIED', 'GET', '/v1/status');
  const elsewhere = await withLink(token, holder, first, { cav: [{ ip: ['192.0.2.0/24'] }] });
  await trial.refused('from another address', await withLink(elsewhere, first, second), 403, 'CAVEAT_DENIED');
  for (const [cav, reason] of [[[{ colour: ['red'] }], 'unknown_caveat'], [[{ method: [] }], 'bad_caveat'], [{}, 'claim_type']]) {
    const answer = await trial.send('GET', '/v1/vms', { token: await withLink(token, holder, first, { cav }) });
    trial.expect(`cav ${JSON.stringify(cav)}`, [answer.status, answer.reason?.split(':')[0]], [401, reason]);
  }
}

/** Every way to have more than the parent, or to hang elsewhere, is refused for its own reason (docs/TOKENS.md section 16). */
export async function widening(trial) {
  const root = await trial.issue({ scope: 'INPUT', delegable_depth: 2 });
  const [above, next, stranger] = [decodeJwt(root.token), await makeHolder(), await makeHolder()];
  const link = (claims, header) => withLink(root.token, root.holder, next, claims, header);
  for (const [claims, reason] of [
    [{ scope: 'service:tenant-admin' }, 'widened:scope'], [{ exp: above.exp + 1 }, 'widened:exp'],
    [{ nbf: above.nbf ? above.nbf - 1 : above.iat - 1 }, 'widened:nbf'], [{ tid: 'somebody-else' }, 'widened:tid'],
    [{ del_max_depth: 3 }, 'widened:del_max_depth'], [{ par_hash: ridOf((await trial.issue()).token) }, 'parent_mismatch'],
    [{ iss: next.thumbprint }, 'bad_link_issuer'], [{ del_depth: 2 }, 'bad_del_depth'], [{ scope: 'ALL' }, 'bad_scope'],
    [{ cnf: { jwk: { ...next.jwk, use: 'sig' } } }, 'bad_cnf'], [{ aud: trial.audience }, 'unknown_claim:aud'],
    [{ exp: undefined }, 'claim_missing:exp'],
  ]) {
    await trial.refused(JSON.stringify(claims), await link(claims), 401, reason);
  }
  await trial.refused('another type', await link({}, { typ: 'cadastre-cap+jwt' }), 401, 'bad_typ');
  await trial.refused('a key in the header', await link({}, { jwk: root.holder.jwk }), 401, 'unknown_header_param:jwk');
  const unsigned = `${root.token}~${new UnsecuredJWT(decodeJwt(lastOf(await link()))).encode()}`;
  await trial.refused('no signature', unsigned, 401, 'signature_invalid');
  await trial.refused('64 bytes in its place', unsigned + 'A'.repeat(86), 401, 'bad_alg');
  const { privateKey } = await generateKeyPair('ES256');
  await trial.refused('P-256', await withLink(root.token, { ...root.holder, privateKey }, next, {}, { alg: 'ES256' }), 401, 'bad_alg');
  await trial.refused('a stranger\'s', await withLink(root.token, { ...stranger, thumbprint: root.holder.thumbprint }, next), 401,
    'signature_invalid');
  const last = await link({ del_max_depth: undefined });
  await trial.accepted('a last link', last);
  await trial.refused('one below a last link', await withLink(last, next, stranger), 401, 'delegation_not_allowed');
  const undelegable = await trial.issue({ delegable_depth: 0 });
  await trial.refused('one below a token for its holder alone', await withLink(undelegable.token, undelegable.holder, next), 401,
    'delegation_not_allowed');
}

/** jose without a server, the call that needs no credential, and RFC 7662 introspection say the same of a chain. */
export async function read(trial) {
  const { token, tenant, holder, first, second, one, two, caveats: cav } = await twoLinks(trial);
  const holders = [holder, first, second];
  const last = decodeJwt(lastOf(two));
  const shown = await trial.need(200, 'POST', '/v1/tokens/verify', { body: { token: two } });
  trial.expect('its worth', [shown.valid, shown.scope, shown.tenant_id, shown.subject_pubkey, shown.token_id, shown.caveats],
    [true, 'READ', tenant, second.jwk.x, last.jti, cav]);
  trial.expect('its end', Date.parse(shown.expires_at), last.exp * 1000);
  trial.expect('its elements', shown.chain.map((each) => [each.rid, each.key]),
    elementsOf(two).map((each, index) => [ridOf(each), holders[index].thumbprint]));
  const introspected = await trial.need(200, 'POST', '/v1/tokens/introspect', { token, body: new URLSearchParams({ token: two }).toString() });
  trial.expect('introspected', [introspected.active, introspected.scope, introspected.rid, introspected.jti, introspected.exp,
    introspected.sub, introspected.cnf], [true, 'READ', ridOf(lastOf(two)), last.jti, last.exp, second.thumbprint, { jkt: second.thumbprint }]);
  const spliced = `${token}~${lastOf(two)}`;
  const answer = await trial.send('POST', '/v1/tokens/verify', { body: { token: spliced } });
  trial.expect('a chain without its middle', [answer.status, answer.json], [401, { error: 'invalid_token', reason: 'signature_invalid' }]);
  const offline = (chain) => verifyChain(chain, trial.issuerKeys, trial.url, trial.audience);
  if (!trial.readsIssued) return trial.throws('offline', offline(two), 'ERR_JOSE_NOT_SUPPORTED');
  trial.expect('offline', (await offline(two)).map((each) => [each.scope, each.cnf.jwk.x]),
    [['service:tenant-admin', holder.jwk.x], ['INPUT', first.jwk.x], ['READ', second.jwk.x]]);
  await trial.throws('offline, without its middle', offline(spliced), 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
  const other = await withLink(one, first, second, { par_hash: ridOf(token) });
  return trial.throws('offline, below another token', offline(other), 'link 2 hangs below another token');
}

/** The rid that is computed here is the one by which the server ends a link, and what is below it, alone. */
export async function revoking(trial) {
  const { token, tenant, one, two } = await twoLinks(trial);
  await trial.accepted('the last', two);
  await trial.need(204, 'POST', `/v1/tenants/${tenant}/revocations`, { token, body: { rid: ridOf(lastOf(one)) } });
  for (const chain of [one, two]) await trial.refused('a link after its end', chain, 401, 'revoked');
  await trial.accepted('what is above', token);
  const inactive = await trial.need(200, 'POST', '/v1/tokens/introspect', { token, body: `token=${encodeURIComponent(two)}` });
  trial.expect('introspected', inactive, { active: false });
  const again = await twoLinks(trial);
  await trial.need(204, 'POST', `/v1/tenants/${again.tenant}/revocations`, { token: again.token, body: { subject_pubkey: again.first.jwk } });
  for (const chain of [again.one, again.two]) await trial.refused('a link of a revoked key', chain, 401, 'key_revoked:subject');
  await trial.accepted('a link for another key', await withLink(again.token, again.holder, await makeHolder()));
}

/** A link under each name of the algorithm that this jose can sign with. */
export async function names(trial) {
  const { token, holder } = await trial.issue();
  for (const alg of trial.names) {
    const next = await makeHolder();
    const chain = await withLink(token, holder, next, { scope: 'READ' }, { alg });
    await trial.accepted(`a link under the name ${alg}`, chain);
    await trial.accepted('and one below it under EdDSA', await withLink(chain, next, await makeHolder()));
  }
}
