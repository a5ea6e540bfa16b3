import assert from "node:assert/strict";
import test from "node:test";
import { Crashes } from "../src/crashes";

test("a server that ended is started again, four times in three minutes", () => {
  const crashes = new Crashes();
  const answers = [0, 1000, 2000, 3000, 4000].map((now) => crashes.again(now));
  assert.deepEqual(answers, [true, true, true, true, false]);
});

test("what is longer ago does not count", () => {
  const crashes = new Crashes();
  for (let now = 0; now < 20 * 60_000; now += 60_000) {
    assert.equal(crashes.again(now), true);
  }
});
