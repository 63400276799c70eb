import { App, NestedStack, Stack } from "aws-cdk-lib";
import { Code, Function, Runtime } from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";

const app = new App({ outdir: "cdk.out", analyticsReporting: false });
const stack = new Stack(app, "Shop");
const nested = new NestedStack(stack, "Jobs");
const runtime: Runtime = Runtime.PYTHON_3_13;
new Function(stack, "Orders", {
  runtime, handler: "app.handler", code: Code.fromAsset("orders"),
  logGroup: new LogGroup(stack, "Logs"),
});
new Function(nested, "Worker", {
  runtime, handler: "app.handler", code: Code.fromAsset("orders"),
});
new Function(stack, "Site", {
  runtime: Runtime.NODEJS_22_X, handler: "index.handler", code: Code.fromInline("exports.handler"),
});
app.synth();
