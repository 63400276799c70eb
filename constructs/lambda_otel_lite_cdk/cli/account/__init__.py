"""What is deployed in an AWS account, read through boto3."""
