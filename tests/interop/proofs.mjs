// DPoP proofs (RFC 9449) made by jose, for tokens that are good with one alone.
import { makeHolder, nowS, withLink } from './tokens.mjs';

const path = '/v1/vms';

/** A proof is good once, for its request, its token and its key. */
export async function possession(trial) {
  const { token, holder } = await trial.issue({ require_pop: true });
  const stranger = await makeHolder();
  const call = async (proof, more = {}) =>
    trial.send('GET', path, { token, proof: await proof, ...more });
  const own = (claims, header) => trial.proof(holder, token, 'GET', path, claims, header);
  const good = await own();
  trial.expect('a good one', (await call(good)).status, 200);
  trial.expect('one for a request with a query', (await trial.send('GET', `${path}?page_size=1`, { token, proof: await own() })).status, 200);
  for (const [what, answer, reason] of [
    ['the same again', await call(good), 'pop_replayed'],
    ['none', await trial.send('GET', path, { token }), 'pop_required'],
    ['none, under DPoP', await trial.send('GET', path, { token, scheme: 'DPoP' }), 'pop_required'],
    ['one under Bearer', await call(own(), { scheme: 'Bearer' }), 'pop_scheme'],
    ['another method\'s', await call(own({ htm: 'POST' })), 'pop_htm'],
    ['another path\'s', await call(own({ htu: `${trial.url}/v1/status` })), 'pop_htu'],
    ['another server\'s', await call(own({ htu: `https://elsewhere.example${path}` })), 'pop_htu'],
    ['another token\'s', await call(trial.proof(holder, (await trial.issue()).token, 'GET', path)), 'pop_ath'],
    ['another key\'s', await call(trial.proof(stranger, token, 'GET', path)), 'pop_key_mismatch'],
    ['another key\'s in the holder\'s name', await call(trial.proof(stranger, token, 'GET', path, {}, { jwk: holder.jwk })), 'pop_signature'],
    ['an old one', await call(own({ iat: nowS() - 120 })), 'pop_stale'],
    ['one of the future', await call(own({ iat: nowS() + 120 })), 'pop_stale'],
    ['one of another type', await call(own({}, { typ: 'JWT' })), 'bad_typ'],
    ['one without ath', await call(own({ ath: undefined })), 'claim_missing:ath'],
  ]) {
    trial.expect(what, [answer.status, answer.reason, answer.json.reason], [401, reason, reason]);
  }
}

/** Once an element asks for a proof, those below do, by the key of the last: a link's holder has no use for its parent alone. */
export async function delegated(trial) {
  const { token, holder } = await trial.issue({ require_pop: true });
  const [first, second] = [await makeHolder(), await makeHolder()];
  const one = await withLink(token, holder, first, { scope: 'INPUT' });
  const two = await withLink(one, first, second, { scope: 'READ' });
  const call = async (chain, signer, method = 'GET', body = undefined) =>
    trial.send(method, path, { token: chain, proof: await trial.proof(signer, chain, method, path), body });
  trial.expect('by the last key', (await call(two, second)).status, 200);
  trial.expect('by the middle one, for its own', (await call(one, first, 'POST', { vm_type: 'small', ram_mb: 64, vcpu_count: 1 })).status, 201);
  for (const [what, answer] of [['by its parent\'s key', await call(two, first)], ['the parent alone, by the last key', await call(one, second)],
    ['the root alone, by the last key', await call(token, second)]]) {
    trial.expect(what, [answer.status, answer.reason], [401, 'pop_key_mismatch']);
  }
  await trial.refused('without a proof', two, 401, 'pop_required');
  const late = await trial.issue();
  const asking = await withLink(late.token, late.holder, first, { pop: 'dpop' });
  await trial.refused('a link that asks for one itself', asking, 401, 'pop_required');
  trial.expect('with it', (await call(asking, first)).status, 200);
}

/** A proof under each name of the algorithm that this jose can sign with. */
export async function names(trial) {
  const { token, holder } = await trial.issue({ require_pop: true });
  for (const alg of trial.names) {
    const proof = await trial.proof(holder, token, 'GET', path, {}, { alg });
    trial.expect(`a proof under the name ${alg}`, (await trial.send('GET', path, { token, proof })).status, 200);
  }
}
