// The server under test as a client in JavaScript sees it, and what went otherwise than it should.
import { isDeepStrictEqual } from 'node:util';
import { createRemoteJWKSet } from 'jose';
import { makeHolder, makeProof, namesToSignWith } from './tokens.mjs';

/** Why a credential was refused, as WWW-Authenticate says it. */
const reasonIn = (challenge) => /error_description="([^"]*)"/.exec(challenge ?? '')?.[1];

export class Trial {
  /** `settings` are those that run.py writes. */
  constructor(settings) {
    Object.assign(this, settings);  // url, adminToken, audience, algorithm, command
    this.issuerKeys = createRemoteJWKSet(new URL(`${this.url}/.well-known/jwks.json`));
    this.faults = [];
    this.tenants = 0;
    this.item = '';
  }

  async prepare() {
    this.names = await namesToSignWith();
    return this;
  }

  /** Whether this jose can verify what the server signs under the name it was given. */
  get readsIssued() {
    return this.names.includes(this.algorithm);
  }

  expect(what, actual, expected) {
    if (isDeepStrictEqual(actual, expected)) return;
    this.faults.push(`${this.item}: ${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  }

  /** Expects an error of that code; one without a code goes by its message. */
  async throws(what, promise, code) {
    this.expect(what, await promise.then(() => 'no error', (error) => error.code ?? error.message), code);
  }

  /** The answer. A body that is text is a form's. */
  async send(method, path, { token, proof, body, scheme = proof ? 'DPoP' : 'Bearer' } = {}) {
    const headers = {};
    if (token) headers.Authorization = `${scheme} ${token}`;
    if (proof) headers.DPoP = proof;
    if (body) headers['Content-Type'] = typeof body === 'string' ? 'application/x-www-form-urlencoded' : 'application/json';
    const sent = typeof body === 'object' ? JSON.stringify(body) : body;
    const answer = await fetch(this.url + path, { method, headers, body: sent });
    const text = await answer.text();
    const json = text ? JSON.parse(text) : undefined;
    return { status: answer.status, json, code: json?.code, reason: reasonIn(answer.headers.get('WWW-Authenticate')) };
  }

  /** The JSON of an answer that must have that status: for what the trial stands on. */
  async need(status, method, path, options) {
    const answer = await this.send(method, path, options);
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.json)}`);
    return answer.json;
  }

  async makeTenant() {
    const name = `interop-${++this.tenants}`;
    await this.need(201, 'POST', '/v1/tenants', { token: this.adminToken, body: {
      tenant_id: name, display_name: name, max_vms: 100, storage_quota_gb: 1000, api_rate_limit_rpm: 100000 } });
    return name;
  }

  /** A token of a tenant of its own, for a key pair that jose made: {tenant, holder, token, ...the server's answer}. */
  async issue(more = {}) {
    const [tenant, holder] = [await this.makeTenant(), await makeHolder()];
    const issued = await this.need(201, 'POST', `/v1/tenants/${tenant}/tokens`, { token: this.adminToken, body: {
      subject_pubkey: holder.jwk, scope: 'service:tenant-admin', expires_in_seconds: 600, delegable_depth: 4, ...more } });
    return { ...issued, tenant, holder };
  }

  proof(holder, token, method, path, claims, header) {
    return makeProof(holder, token, method, this.url + path, claims, header);
  }

  async accepted(what, token, method = 'GET', path = '/v1/vms', body = undefined) {
    const { status, reason, code } = await this.send(method, path, { token, body });
    this.expect(what, [status, reason ?? code], [method === 'POST' ? 201 : 200, undefined]);
  }

  async refused(what, token, status, why, method = 'GET', path = '/v1/vms', body = undefined) {
    const answer = await this.send(method, path, { token, body });
    this.expect(what, [answer.status, answer.status === 401 ? answer.reason : answer.code], [status, why]);
  }
}
