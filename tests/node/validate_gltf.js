// Khronos' glTF validator: a .glb on standard input, its report as JSON on standard output.
import { readFileSync } from "node:fs";
import validator from "gltf-validator";

const report = await validator.validateBytes(new Uint8Array(readFileSync(0)), { maxIssues: 100 });
process.stdout.write(JSON.stringify(report));
