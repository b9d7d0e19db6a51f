//! `libenos`: the EnOS device SDK for C99 and C++11.
//!
//! Owns the C ABI and nothing else: names, layouts, ownership, and the boundary that no panic crosses. Refuses
//! protocol logic, defaults and checks of values: those are `enos_runtime`'s. What is checked here is what only C can
//! get wrong: NULL, sizes, tags, UTF-8, numbers that do not fit.
//!
//! `include/enos.h` is made of this crate; its text is the documentation of every function.
#![allow(non_camel_case_types, reason = "the names are C's")]
#![allow(clippy::missing_safety_doc, reason = "the header's first page says what holds for every pointer")]

mod boundary;
mod buffer;
mod client;
mod command;
mod config;
mod device;
mod doctor;
mod error;
mod inspect;
mod lifecycle;
mod log;
mod reading;
mod responder;
mod runtime;
mod sleep;
mod stats;
mod store;
mod text;
mod user;
mod value;

pub use self::log::{
    ENOS_LOG_DEBUG, ENOS_LOG_ERROR, ENOS_LOG_INFO, ENOS_LOG_OFF, ENOS_LOG_TRACE, ENOS_LOG_WARN, enos_log_fn,
    enos_log_set,
};
pub use client::{
    enos_client_close, enos_client_close_async, enos_client_connect, enos_client_connect_async,
    enos_client_free, enos_client_new, enos_client_on_lifecycle, enos_client_root, enos_client_stats,
    enos_client_t, enos_done_fn,
};
pub use command::{
    ENOS_INVOCATION_MEASUREPOINT_GET, ENOS_INVOCATION_MEASUREPOINT_SET, ENOS_INVOCATION_OTHER,
    ENOS_INVOCATION_SERVICE, enos_command_fn, enos_invocation_device, enos_invocation_identifier,
    enos_invocation_kind, enos_invocation_params, enos_invocation_t, enos_registration_close,
    enos_registration_free, enos_registration_t,
};
pub use config::{
    ENOS_LOGIN_DEVICE_SECRET, ENOS_LOGIN_DYNAMIC_ACTIVATION, ENOS_LOGIN_NONE, enos_config_init,
    enos_config_login_device_secret, enos_config_login_dynamic_activation, enos_config_proxy,
    enos_config_proxy_login, enos_config_t, enos_config_tls_ca, enos_config_tls_ca_file,
    enos_config_tls_client, enos_config_tls_client_files,
};
pub use device::{
    ENOS_DELIVERY_ACKNOWLEDGED, ENOS_DELIVERY_OTHER, ENOS_DELIVERY_QUEUED, ENOS_TIME_NOW, enos_delivery_t,
    enos_device_key, enos_device_on_measurepoint_get, enos_device_on_measurepoint_set,
    enos_device_on_service, enos_device_post_measurepoints, enos_device_post_measurepoints_async,
    enos_device_product_key, enos_device_t,
};
pub use doctor::{
    enos_client_doctor, enos_client_doctor_async, enos_config_doctor, enos_doctor_fn,
    enos_doctor_report_cause, enos_doctor_report_complete, enos_doctor_report_exit_code,
    enos_doctor_report_free, enos_doctor_report_healthy, enos_doctor_report_json, enos_doctor_report_session,
    enos_doctor_report_step, enos_doctor_report_t, enos_doctor_report_text,
};
pub use error::{
    ENOS_MESSAGE_SIZE, ENOS_OK, enos_error_init, enos_error_set, enos_error_t, enos_status_hint,
    enos_status_name, enos_status_retryable, enos_status_t,
};
pub use inspect::{
    ENOS_TOPIC_METHOD, ENOS_TOPIC_REPLY, ENOS_TOPIC_REQUEST, enos_hub_url_t, enos_inspect_coap_psk_identity,
    enos_inspect_coap_psk_key, enos_inspect_coap_sign, enos_inspect_hub_url, enos_inspect_kind_of_hub_code,
    enos_inspect_mqtt_client_id, enos_inspect_mqtt_password, enos_inspect_mqtt_username,
    enos_inspect_parse_topic, enos_inspect_sign, enos_inspect_topic, enos_inspect_topic_kind,
    enos_inspect_value_json, enos_parameter_t, enos_topic_t,
};
pub use lifecycle::{
    ENOS_LIFECYCLE_ACTIVATED, ENOS_LIFECYCLE_CLOSED, ENOS_LIFECYCLE_CONNECT_FAILED,
    ENOS_LIFECYCLE_CONNECTING, ENOS_LIFECYCLE_OFFLINE, ENOS_LIFECYCLE_ONLINE, ENOS_LIFECYCLE_OTHER,
    enos_lifecycle_fn, enos_lifecycle_t,
};
pub use responder::{
    enos_responder_answer, enos_responder_answer_async, enos_responder_fail, enos_responder_fail_async,
    enos_responder_free, enos_responder_reply, enos_responder_reply_async, enos_responder_reply_values,
    enos_responder_reply_values_async, enos_responder_t,
};
pub use runtime::{enos_runtime_free, enos_runtime_new, enos_runtime_t, enos_version};
pub use sleep::{
    enos_client_sleep, enos_client_sleep_async, enos_slept_fn, enos_wake_report_init, enos_wake_report_t,
};
pub use stats::{enos_stats_init, enos_stats_t};
pub use store::{
    enos_secret_load_fn, enos_secret_store_fn, enos_secret_store_free, enos_secret_store_new_custom,
    enos_secret_store_new_file, enos_secret_store_new_memory, enos_secret_store_t,
};
pub use text::enos_str_t;
pub use user::enos_drop_fn;
pub use value::{
    ENOS_TYPE_ARRAY, ENOS_TYPE_BOOL, ENOS_TYPE_DOUBLE, ENOS_TYPE_INT, ENOS_TYPE_NULL, ENOS_TYPE_STR,
    ENOS_TYPE_STRUCT, enos_array_t, enos_as_t, enos_point_t, enos_struct_t, enos_value_t,
};
