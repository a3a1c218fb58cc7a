//! An error of the SDK → what is to be done about it.

use super::s3::s3_error;
use crate::error::Error;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// What can come between us and what we asked S3 for.
pub(crate) enum Trouble {
    /// Asking again is of no use.
    Lasting(Error),
    /// Asking again may help.
    Passing(String),
    /// So it may, but later: S3 has more requests than it wants.
    TooFast(String),
}

impl Trouble {
    /// Sorts the error of a request for `name`.
    pub(crate) fn of<E>(name: String, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let lasting = s3_error(name, error);
        let Error::Source { why, .. } = &lasting else { return Self::Lasting(lasting) };
        match error {
            SdkError::ServiceError(answer) => match (answer.raw().status().as_u16(), answer.err().code()) {
                (429 | 503, _) | (_, Some("SlowDown" | "Throttling" | "ThrottlingException")) => {
                    Self::TooFast(why.clone())
                }
                (408 | 409 | 500..=599, _) | (_, Some("RequestTimeout")) => Self::Passing(why.clone()),
                _ => Self::Lasting(lasting),
            },
            // A body that breaks off, or that is damaged so that it cannot be read.
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Self::Passing(why.clone()),
            SdkError::DispatchFailure(failure) if !failure.is_user() => {
                let of_connection = failure.is_io() || failure.is_timeout();
                // The SDK knows some as passing; credentials that are missing are not.
                let known = failure.as_connector_error().is_some_and(|error| error.as_other().is_some());
                if of_connection || known { Self::Passing(why.clone()) } else { Self::Lasting(lasting) }
            }
            _ => Self::Lasting(lasting),
        }
    }
}
