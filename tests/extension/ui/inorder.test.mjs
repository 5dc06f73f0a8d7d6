import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrder } from "../../../extension/ui/inorder.js";

/** A drawing whose reading takes as long as the test wants. */
function slowDrawing() {
  const [reads, drawn] = [[], []];
  let state = "first";
  const draw = inOrder(async () => {
    const read = state;
    await new Promise((resolve, reject) => { reads.push({ end: resolve, fail: reject }); });
    drawn.push(read);
  });
  return { draw, reads, drawn, change: (next) => { state = next; } };
}

const turn = () => new Promise((resolve) => { setImmediate(resolve); });

test("a newer state is read after the older one was drawn, and once for all who wait for it", async () => {
  const { draw, reads, drawn, change } = slowDrawing();
  const first = draw();
  await turn();
  change("second");
  const [second, third] = [draw(), draw()];
  await turn();
  assert.equal(reads.length, 1, "not begun beside the first");
  reads[0].end();
  await first;
  await turn();
  assert.deepEqual([reads.length, drawn], [2, ["first"]]);
  change("third");
  const fourth = draw();
  reads[1].end();
  await Promise.all([second, third]);
  await turn();
  reads[2].end();
  await fourth;
  assert.deepEqual([reads.length, drawn], [3, ["first", "second", "third"]]);
});

test("a drawing that fails tells its caller and stops none after it", async () => {
  const { draw, reads, drawn } = slowDrawing();
  const first = draw();
  await turn();
  const second = draw();
  reads[0].fail(new Error("no database"));
  await assert.rejects(first, /no database/);
  await turn();
  reads[1].end();
  await second;
  assert.deepEqual(drawn, ["first"]);
});
