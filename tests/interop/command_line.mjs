// The command line and jose on one chain: either adds a link below the other's, and verifies what the other made.
import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeJwt, exportPKCS8 } from 'jose';
import { lastOf, makeHolder, ridOf, verifyChain, withLink } from './tokens.mjs';

const run = promisify(execFile);

/** A chain of jose's link, the program's and jose's again. */
export async function alternating(trial) {
  const folder = await mkdtemp(join(tmpdir(), 'cadastre-interop-'));
  const save = async (name, text) => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const cadastre = async (chain, ...words) => {
    const options = { env: { HOME: folder, CADASTRE_URL: trial.url, CADASTRE_TOKEN: chain } };
    return JSON.parse((await run(trial.command, ['token', ...words, '-o', 'json'], options)).stdout);
  };
  const root = await trial.issue();
  const [first, second, third] = [await makeHolder(), await makeHolder(), await makeHolder()];
  const one = await withLink(root.token, root.holder, first, { scope: 'INPUT' });
  const key = await save('first.key', await exportPKCS8(first.privateKey));
  const { token: two } = await cadastre(one, 'mint', '--key-file', key, '--subject-pubkey', JSON.stringify(second.jwk), '--scope', 'USER',
    '--expires-in', '5m', '--max-depth', '3', '--caveat', '{"method":["GET"]}');
  trial.expect('what the program kept', two.startsWith(`${one}~`), true);
  const three = await withLink(two, second, third, { scope: 'READ' });
  await trial.accepted('the whole chain', three);
  const inspected = await cadastre(three, 'inspect');
  trial.expect('as the program shows it', inspected.elements.map((each) => each.rid), three.split('~').map(ridOf));
  const shown = await cadastre(three, 'verify', '--issuer', trial.url, '--audience', trial.audience);
  trial.expect('as the program verifies it', [shown.valid, shown.scope], [true, 'READ']);
  const linkOnly = decodeJwt(lastOf(two));
  trial.expect('the program\'s link', [linkOnly.iss, linkOnly.par_hash, linkOnly.cnf], [first.thumbprint, ridOf(lastOf(one)), { jwk: second.jwk }]);
  const offline = verifyChain(three, trial.issuerKeys, trial.url, trial.audience);
  if (!trial.readsIssued) return trial.throws('as jose verifies it', offline, 'ERR_JOSE_NOT_SUPPORTED');
  return trial.expect('as jose verifies it', (await offline).map((each) => each.scope), ['service:tenant-admin', 'INPUT', 'USER', 'READ']);
}
