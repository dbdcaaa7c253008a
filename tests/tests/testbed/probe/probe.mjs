// A function that says where it runs, and fails in the ways that a function can.
import { accessSync, constants, readdirSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export async function handler(event, context) {
  if (event.do === "fail") throw new TypeError("told to fail");
  if (event.do === "exit") process.exit(3);
  await pause(event.wait_ms ?? 0);
  console.log("probe ran");
  return {
    request: context.awsRequestId,
    arn: context.invokedFunctionArn,
    left_ms: context.getRemainingTimeInMillis(),
    custom: context.clientContext?.custom ?? null,
    trace: process.env._X_AMZN_TRACE_ID ?? null,
    wrapped: process.env.WRAPPED ?? null,
    runtime: process.env.AWS_EXECUTION_ENV,
    process: Number(readlinkSync("/proc/self")),
    tmp: readdirSync("/tmp"),
    opt: readdirSync("/opt").sort(),
    code_is_read_only: isReadOnly("/var/task"),
  };
}

function isReadOnly(path) {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch {
    return true;
  }
}
