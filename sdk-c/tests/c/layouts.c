/* Sizes and offsets as a C or C++ compiler sees them, in the form of abi/layouts.txt. */
#include <enos.h>
#include <stddef.h>
#include <stdio.h>

#define SIZE(type) printf("%s %lu\n", #type, (unsigned long)sizeof(type))
#define FIELD(type, field) printf("  %s %lu\n", #field, (unsigned long)offsetof(type, field))

int main(void)
{
    SIZE(enos_str_t);
    FIELD(enos_str_t, ptr);
    FIELD(enos_str_t, len);
    SIZE(enos_array_t);
    FIELD(enos_array_t, items);
    FIELD(enos_array_t, count);
    SIZE(enos_struct_t);
    FIELD(enos_struct_t, fields);
    FIELD(enos_struct_t, count);
    SIZE(enos_as_t);
    SIZE(enos_value_t);
    FIELD(enos_value_t, type);
    FIELD(enos_value_t, quality);
    FIELD(enos_value_t, as);
    SIZE(enos_point_t);
    FIELD(enos_point_t, id);
    FIELD(enos_point_t, value);
    SIZE(enos_delivery_t);
    FIELD(enos_delivery_t, fate);
    FIELD(enos_delivery_t, request);
    SIZE(enos_error_t);
    FIELD(enos_error_t, size);
    FIELD(enos_error_t, status);
    FIELD(enos_error_t, hub_code);
    FIELD(enos_error_t, retryable);
    FIELD(enos_error_t, reserved);
    FIELD(enos_error_t, message);
    SIZE(enos_lifecycle_t);
    FIELD(enos_lifecycle_t, size);
    FIELD(enos_lifecycle_t, step);
    FIELD(enos_lifecycle_t, retry_in_ms);
    FIELD(enos_lifecycle_t, will_retry);
    FIELD(enos_lifecycle_t, reserved);
    FIELD(enos_lifecycle_t, error);
    SIZE(enos_stats_t);
    FIELD(enos_stats_t, size);
    FIELD(enos_stats_t, open_requests);
    FIELD(enos_stats_t, queued_bytes);
    FIELD(enos_stats_t, bytes_sent);
    FIELD(enos_stats_t, bytes_received);
    FIELD(enos_stats_t, messages_sent);
    FIELD(enos_stats_t, messages_received);
    FIELD(enos_stats_t, retries);
    FIELD(enos_stats_t, reconnects);
    FIELD(enos_stats_t, acknowledged);
    FIELD(enos_stats_t, rejected);
    FIELD(enos_stats_t, failed);
    FIELD(enos_stats_t, dropped_oversize);
    FIELD(enos_stats_t, dropped_unknown);
    FIELD(enos_stats_t, dropped_malformed);
    FIELD(enos_stats_t, dropped_stray);
    FIELD(enos_stats_t, dropped_answers);
    SIZE(enos_parameter_t);
    FIELD(enos_parameter_t, name);
    FIELD(enos_parameter_t, value);
    SIZE(enos_topic_t);
    FIELD(enos_topic_t, product_key);
    FIELD(enos_topic_t, device_key);
    FIELD(enos_topic_t, is_reply);
    FIELD(enos_topic_t, reserved);
    SIZE(enos_hub_url_t);
    FIELD(enos_hub_url_t, scheme);
    FIELD(enos_hub_url_t, host);
    FIELD(enos_hub_url_t, port);
    FIELD(enos_hub_url_t, reserved);
    SIZE(enos_config_t);
    FIELD(enos_config_t, size);
    FIELD(enos_config_t, login);
    FIELD(enos_config_t, hub);
    FIELD(enos_config_t, product_key);
    FIELD(enos_config_t, device_key);
    FIELD(enos_config_t, secret);
    FIELD(enos_config_t, store);
    FIELD(enos_config_t, runtime);
    FIELD(enos_config_t, tls_ca);
    FIELD(enos_config_t, tls_ca_file);
    FIELD(enos_config_t, tls_cert);
    FIELD(enos_config_t, tls_key);
    FIELD(enos_config_t, tls_cert_file);
    FIELD(enos_config_t, tls_key_file);
    FIELD(enos_config_t, proxy_host);
    FIELD(enos_config_t, proxy_user);
    FIELD(enos_config_t, proxy_password);
    FIELD(enos_config_t, proxy_port);
    FIELD(enos_config_t, clean_session);
    FIELD(enos_config_t, keep_alive_s);
    FIELD(enos_config_t, in_flight);
    FIELD(enos_config_t, dial_budget);
    FIELD(enos_config_t, dial_window_s);
    FIELD(enos_config_t, backoff_first_ms);
    FIELD(enos_config_t, backoff_largest_ms);
    FIELD(enos_config_t, sign_in_timeout_ms);
    FIELD(enos_config_t, activation_timeout_ms);
    FIELD(enos_config_t, pong_timeout_ms);
    FIELD(enos_config_t, address_timeout_ms);
    FIELD(enos_config_t, handshake_timeout_ms);
    FIELD(enos_config_t, dial_timeout_ms);
    FIELD(enos_config_t, limit_receive);
    FIELD(enos_config_t, limit_transmit);
    FIELD(enos_config_t, limit_outbox);
    FIELD(enos_config_t, limit_names);
    FIELD(enos_config_t, limit_requests);
    FIELD(enos_config_t, limit_calls);
    FIELD(enos_config_t, limit_handlers);
    FIELD(enos_config_t, reserved);
    return 0;
}
