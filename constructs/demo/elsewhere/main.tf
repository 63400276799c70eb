# The layer is built by: lambda-otel layer --python 3.13 -o layer.zip
resource "aws_lambda_layer_version" "telemetry" {
  layer_name          = "telemetry"
  filename            = "layer.zip"
  source_code_hash    = filebase64sha256("layer.zip")
  compatible_runtimes = ["python3.13"]
}

resource "aws_lambda_function" "orders" {
  function_name = "orders"
  role          = aws_iam_role.orders.arn
  filename      = "orders.zip"
  runtime       = "python3.13"
  handler       = "lambda_otel_lite_entry.handler"
  layers        = [aws_lambda_layer_version.telemetry.arn]

  environment {
    variables = {
      LAMBDA_OTEL_HANDLER  = "app.handler" # the function's own
      LAMBDA_OTEL_EXPORTER = "native"
    }
  }
}

# The forwarder is written by: lambda-otel forwarder -o forwarder
resource "aws_s3_object" "forwarder" {
  for_each = fileset("forwarder", "*.zip")
  bucket   = var.bucket
  key      = each.value
  source   = "forwarder/${each.value}"
}

resource "aws_cloudformation_stack" "forwarder" {
  name          = "telemetry-forwarder"
  template_body = file("forwarder/otlp-forwarder.yaml")
  capabilities  = ["CAPABILITY_IAM"]
  depends_on    = [aws_s3_object.forwarder]

  parameters = {
    CodeBucket    = var.bucket
    LogGroupNames = "/aws/lambda/orders"
  }
}
