// Runs every item against the server that run.py started; its settings come as JSON on standard input. Exit 1 when one has a fault.
import { readFileSync } from 'node:fs';
import * as commandLine from './command_line.mjs';
import * as issued from './issued.mjs';
import * as links from './links.mjs';
import * as proofs from './proofs.mjs';
import { Trial } from './trial.mjs';

const trial = await new Trial(JSON.parse(readFileSync(0, 'utf8'))).prepare();
let items = 0;
for (const [room, exported] of Object.entries({ issued, links, proofs, commandLine })) {
  for (const [name, item] of Object.entries(exported)) {
    trial.item = `${room}.${name}`;
    items += 1;
    await item(trial).catch((error) => trial.faults.push(`${trial.item}: ${error.stack}`));
  }
}
for (const fault of trial.faults) console.log(fault);
console.log(`jose on Node ${process.versions.node}, signing as ${trial.names.join(' and ')}; the server as ${trial.algorithm}: ` +
  `${items} items, ${trial.faults.length} faults`);
process.exitCode = trial.faults.length ? 1 : 0;
