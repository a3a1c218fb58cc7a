//! A bucket of the emulator, for tests to fill and to look into.

use crate::emulator::Emulator;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use std::collections::BTreeMap;

pub(crate) struct Bucket {
    s3: Client,
    name: &'static str,
}

impl Bucket {
    /// One that is there.
    pub(crate) async fn of(emulator: &Emulator, name: &'static str) -> Self {
        let config = Builder::from(&emulator.config().await).force_path_style(true).build();
        Self { s3: Client::from_conf(config), name }
    }

    /// A new one.
    pub(crate) async fn make(emulator: &Emulator, name: &'static str) -> Self {
        let bucket = Self::of(emulator, name).await;
        bucket.s3.create_bucket().bucket(name).send().await.unwrap();
        bucket
    }

    pub(crate) async fn put(&self, key: &str, body: Vec<u8>) {
        let body = ByteStream::from(body);
        self.s3.put_object().bucket(self.name).key(key).body(body).send().await.unwrap();
    }

    /// With what its owner notes beside it.
    pub(crate) async fn put_with(&self, key: &str, body: Vec<u8>, metadata: &BTreeMap<&str, String>) {
        let put = self.s3.put_object().bucket(self.name).key(key).body(ByteStream::from(body));
        let noted = metadata.iter().fold(put, |put, (name, value)| put.metadata(*name, value));
        noted.send().await.unwrap();
    }

    pub(crate) async fn delete(&self, key: &str) {
        self.s3.delete_object().bucket(self.name).key(key).send().await.unwrap();
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let object = self.s3.get_object().bucket(self.name).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().to_vec()
    }

    pub(crate) async fn copy(&self, from: &str, to: &str) {
        let source = format!("{}/{from}", self.name);
        self.s3.copy_object().bucket(self.name).copy_source(source).key(to).send().await.unwrap();
    }

    /// The keys below `prefix`, which are few enough for one page.
    pub(crate) async fn keys(&self, prefix: &str) -> Vec<String> {
        let page = self.s3.list_objects_v2().bucket(self.name).prefix(prefix).send().await.unwrap();
        assert_ne!(page.is_truncated, Some(true));
        page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect()
    }
}
