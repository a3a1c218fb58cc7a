"""Writes events.txt: the event names that CloudTrail can record, by event source.

    pip install botocore && python3 events.py > events.txt

Most are operations of AWS's service models, by the names under which CloudTrail records them. MORE has what is no
operation: console actions, service events, and operations that are recorded under another name.
"""

import textwrap
from collections import defaultdict

import botocore.loaders

MORE = """
account CloseAccount
aws-marketplace Subscribe
bedrock PutFoundationModelEntitlement
billingconsole GetAlternateContact GetBillsForBillingPeriod GetContactInformation GetTotalAmountForForecast
cloudfront CreateDistribution UpdateDistribution CreateFunction PublishFunction UpdateFunction TagResource
cloudfront CreatePublicKey UpdatePublicKey
cloudshell CreateEnvironment CreateSession GetFileDownloadUrls GetFileUploadUrls StartEnvironment
codecommit GitPull GitPush
ec2 BidEvictedEvent SharedSnapshotCopyInitiated SharedSnapshotVolumeCreated
ec2-instance-connect OpenTunnel
kms DeleteKey DeleteExpiredKeyMaterial SynchronizeMultiRegionKey RotateKey
lambda AddPermission20150331v2 GetPolicy20150331v2 GetAccountSettings20160819
lambda UpdateFunctionCode20150331v2 UpdateFunctionConfiguration20150331v2 GetFunction20150331v2
macie DisassociateMemberAccount DisassociateS3Resources
organizations CreateAccountResult CloseAccountResult
quicksight CreateAdmin
rds DownloadCompleteDBLogFile
s3 DeleteAccountPublicAccessBlock PutAccountPublicAccessBlock GetAccountPublicAccessBlock
s3 DeleteBucketPublicAccessBlock PutBucketPublicAccessBlock GetBucketPublicAccessBlock
s3 PutBucketObjectLockConfiguration GetBucketObjectLockConfiguration JobCreated JobStatusChanged
secretsmanager RotationStarted RotationSucceeded RotationFailed RotationAbandoned SecretVersionDeletion
secretsmanager StartSecretVersionDelete CancelSecretVersionDelete EndSecretVersionDelete
signin CheckMfa ConsoleLogin CredentialChallenge CredentialVerification EmailUpdated ExitRole GetSigninToken
signin PasswordRecoveryCompleted PasswordRecoveryRequested PasswordUpdated RenewRole SwitchRole UserAuthentication
ssm ListInstanceAssociations UpdateInstanceInformation OpenDataChannel
sso Authenticate CreateToken DeleteMfaDeviceForUser Federate PutMfaDeviceManagementForDirectory
sso UpdateMfaDeviceForUser UpdateSsoConfiguration
sso-directory AddMemberToGroup CreateGroup CreateUser DeleteMfaDeviceForUser DeleteUser
sso-directory StartVirtualMfaDeviceRegistration UpdateMfaDeviceForUser UpdatePassword
"""

# Recorded under a second event source as well.
ALSO = {"application-autoscaling": "autoscaling", "cloudfront-keyvaluestore": "cloudfront"}


def recorded(service, key, operation):
    """The names under which CloudTrail records an operation."""
    if service == "lambda" and "/2015-03-31/" in operation["http"]["requestUri"] and not key.startswith("Invoke"):
        return {f"{key}20150331"}
    if service == "cloudfront":
        return {operation["name"]}
    return {key, operation["name"]}


names = defaultdict(set)
loader = botocore.loaders.Loader()
for service in loader.list_available_services("service-2"):
    for version in loader.list_api_versions(service, "service-2"):
        model = loader.load_service_model(service, "service-2", version)
        endpoint = model["metadata"]["endpointPrefix"]
        sources = {endpoint.removeprefix("api.").removeprefix("runtime."), model["metadata"].get("signingName", endpoint)}
        sources |= {ALSO[source] for source in sources if source in ALSO}
        for key, operation in model["operations"].items():
            for source in sources:
                names[source] |= recorded(service, key, operation)
for line in MORE.split("\n"):
    source, *more = line.split() or [""]
    if source:
        names[source] |= set(more)

print("# Event names by eventSource, which events.py wrote. A line that begins with blanks goes on with the source above.")
for source in sorted(names):
    print(f"{source}")
    print(textwrap.fill(" ".join(sorted(names[source])), 119, initial_indent="  ", subsequent_indent="  "))
