//! Why bytes are not an MQTT 3.1.1 packet.

use core::fmt;

macro_rules! decode_errors {
    ($($(#[$doc:meta])* $name:ident = $statement:literal, $text:literal;)*) => {
        /// Why bytes are not an MQTT 3.1.1 packet; each kind names the statement that was broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum DecodeError {
            $($(#[$doc])* $name,)*
        }

        impl DecodeError {
            /// Every kind, in the order of the standard.
            pub const ALL: &'static [DecodeError] = &[$(DecodeError::$name),*];

            /// The broken statement's number, or the section where the standard has no number.
            pub const fn statement(self) -> &'static str {
                match self { $(DecodeError::$name => $statement,)* }
            }

            const fn text(self) -> &'static str {
                match self { $(DecodeError::$name => $text,)* }
            }
        }
    };
}

decode_errors! {
    /// Text that is not UTF-8 (surrogates included).
    InvalidUtf8 = "MQTT-1.5.3-1", "text is not valid UTF-8";
    /// Text that holds U+0000.
    NulInText = "MQTT-1.5.3-2", "text holds U+0000";
    /// Packet type 0 or 15.
    ReservedType = "2.2.1", "reserved packet type";
    /// Flags that must have another value.
    ReservedFlags = "MQTT-2.2.2-2", "reserved flags of the first byte are not as fixed";
    /// A remaining length of more than four bytes.
    LengthTooLong = "2.2.3", "remaining length takes more than four bytes";
    /// A body that ends before its fields do.
    BodyTooShort = "2.2.3", "body ends before its fields do";
    /// A body that goes on after its last field.
    BodyTooLong = "2.2.3", "body goes on after its last field";
    /// Packet identifier 0.
    ZeroPacketId = "MQTT-2.3.1-1", "packet identifier is 0";
    /// A CONNECT of another protocol.
    ProtocolName = "MQTT-3.1.2-1", "protocol name is not MQTT";
    /// A CONNECT of another protocol level; the server answers with CONNACK 0x01.
    ProtocolLevel = "MQTT-3.1.2-2", "protocol level is not 4";
    /// The lowest connect flag is set.
    ConnectReservedFlag = "MQTT-3.1.2-3", "reserved connect flag is set";
    /// Will QoS without a will.
    WillQosWithoutWill = "MQTT-3.1.2-13", "will QoS without a will";
    /// Will QoS 3.
    WillQos = "MQTT-3.1.2-14", "will QoS is 3";
    /// Will retain without a will.
    WillRetainWithoutWill = "MQTT-3.1.2-15", "will retain without a will";
    /// A password without a user name.
    PasswordWithoutUsername = "MQTT-3.1.2-22", "password without a user name";
    /// CONNACK flags other than session present.
    ConnAckFlags = "3.2.2.1", "reserved CONNACK flags are set";
    /// A refusal that claims a session.
    SessionPresentOnRefusal = "MQTT-3.2.2-4", "CONNACK refuses and yet claims a session";
    /// DUP on a QoS 0 message.
    DupAtQos0 = "MQTT-3.3.1-2", "DUP is set at QoS 0";
    /// A PUBLISH at QoS 3.
    PublishQos = "MQTT-3.3.1-4", "PUBLISH at QoS 3";
    /// A wildcard in a topic name.
    WildcardInTopic = "MQTT-3.3.2-2", "topic name holds a wildcard";
    /// A SUBSCRIBE without a filter.
    NoFilter = "MQTT-3.8.3-3", "SUBSCRIBE without a topic filter";
    /// A requested QoS byte above 2.
    RequestedQos = "MQTT-3-8.3-4", "requested QoS is above 2";
    /// A SUBACK return code that the standard does not know.
    SubAckCode = "MQTT-3.9.3-2", "reserved SUBACK return code";
    /// An UNSUBSCRIBE without a filter.
    NoUnsubscribeFilter = "MQTT-3.10.3-2", "UNSUBSCRIBE without a topic filter";
    /// `#` that is not the last level, or shares it.
    MultiLevelWildcard = "MQTT-4.7.1-2", "# is not alone in the last level of a filter";
    /// `+` that shares a level.
    SingleLevelWildcard = "MQTT-4.7.1-3", "+ is not alone in its level of a filter";
    /// A topic or filter without a character.
    EmptyTopic = "MQTT-4.7.3-1", "empty topic";
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())?;
        f.write_str(" [")?;
        f.write_str(self.statement())?;
        f.write_str("]")
    }
}

impl core::error::Error for DecodeError {}
