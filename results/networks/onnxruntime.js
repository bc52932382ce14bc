// For export.sh: what onnxruntime makes of a network, against logits that crossohm eval left.
//   node onnxruntime.js flatten C H W               an ONNX file on standard output that hands its pixels on
//   node onnxruntime.js compare FOLDER C H W        FOLDER: effective.onnx, pixels.npy, logits-analog.npy, -circuit
// compare prints images; the largest difference of a logit, over the range of those of stage analog, between runtime
// and stage analog, the runtime without its graph optimisation and with it, stages circuit and analog; images whose
// every logit is within 1e-4 of the range, of the first two pairs; images of which runtime and stage analog predict
// other classes.
// SPDX-License-Identifier: GPL-3.0-or-later
'use strict';
const fs = require('fs');

// ---- protocol buffers, as far as one node takes -------------------------------------------------------------

function varint(n) {
  const bytes = [];
  for (; n > 127; n >>>= 7)
    bytes.push((n & 127) | 128);
  return Buffer.from([...bytes, n]);
}
const number = (field, n) => Buffer.concat([varint(field << 3), varint(n)]);
function message(field, ...parts) {
  const bytes = Buffer.concat(parts.map(part => typeof part === 'string' ? Buffer.from(part) : part));
  return Buffer.concat([varint(field << 3 | 2), varint(bytes.length), bytes]);
}
function value(field, name, shape) {
  const dimension = d => message(1, typeof d === 'string' ? message(2, d) : number(1, d));
  return message(field, message(1, name), message(2, message(1, number(1, 1), message(2, ...shape.map(dimension)))));
}
function flatten(shape) {
  const node = message(1, message(1, 'x'), message(2, 'y'), message(4, 'Flatten'));
  const graph = message(7, node, message(2, 'pixels'), value(11, 'x', ['N', ...shape]),
                        value(12, 'y', ['N', shape.reduce((a, b) => a * b)]));
  process.stdout.write(Buffer.concat([number(1, 8), graph, message(8, number(2, 13))]));
}

// ---- logits -----------------------------------------------------------------------------------------------------

// Rows of a .npy file of float32, version 1.
function rows(path) {
  const bytes = fs.readFileSync(path), head = 10 + bytes.readUInt16LE(8);
  const [count, width] = bytes.toString('latin1', 10, head).match(/'shape': \((\d+), (\d+)/).slice(1).map(Number);
  const first = bytes.byteOffset + head;
  const all = new Float32Array(bytes.buffer.slice(first, first + 4 * count * width));
  return Array.from({ length: count }, (_, k) => all.subarray(k * width, (k + 1) * width));
}
async function run(path, images, shape, level) {
  const ort = require('onnxruntime-node'), logits = [];
  const session = await ort.InferenceSession.create(path, { graphOptimizationLevel: level, intraOpNumThreads: 1 });
  for (const image of images) {
    const out = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', image, [1, ...shape]) });
    logits.push(out[session.outputNames[0]].data);
  }
  return logits;
}
const farthest = (a, b) => a.reduce((most, x, k) => Math.max(most, Math.abs(x - b[k])), 0);
const largest = a => a.reduce((best, x, k) => x > a[best] ? k : best, 0);

async function compare(folder, shape) {
  const images = rows(folder + '/pixels.npy'), analog = rows(folder + '/logits-analog.npy');
  const circuit = rows(folder + '/logits-circuit.npy');
  const got = await run(folder + '/effective.onnx', images, shape, 'all');
  const plain = await run(folder + '/effective.onnx', images, shape, 'disabled');
  const range = Math.max(...analog.map(a => Math.max(...a))) - Math.min(...analog.map(a => Math.min(...a)));
  const worst = (a, b) => Math.max(...a.map((x, k) => farthest(x, b[k]))) / range;
  const near = (a, b) => a.filter((x, k) => farthest(x, b[k]) <= 1e-4 * range).length;
  const changed = got.filter((x, k) => largest(x) !== largest(analog[k])).length;
  console.log([images.length, ...[worst(got, analog), worst(plain, got), worst(circuit, analog)]
    .map(x => x.toExponential(1)), near(got, analog), near(plain, got), changed].join(','));
}

const [what, ...rest] = process.argv.slice(2);
if (what === 'flatten')
  flatten(rest.map(Number));
else
  compare(rest[0], rest.slice(1).map(Number));
