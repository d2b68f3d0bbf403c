using System.Text.Json;

namespace NativeFl.Data;

/// <summary>The reason in a JSON error, without the position that the message repeats.</summary>
internal static class JsonReason
{
    /// <summary>The first sentence of the message.</summary>
    public static string Of(JsonException e)
    {
        int end = e.Message.IndexOf(" Path: ", StringComparison.Ordinal);
        if (end < 0) end = e.Message.IndexOf(" LineNumber: ", StringComparison.Ordinal);
        return end < 0 ? e.Message : e.Message[..end];
    }
}
