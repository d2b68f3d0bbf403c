using System.Globalization;
using System.Text;
using System.Xml;

namespace NativeFl.Reports;

/// <summary>
/// Writes well-formed markup. Elements are closed in full because HTML reads &lt;td/&gt; as an open cell; text is escaped, and characters
/// that XML cannot hold become U+FFFD.
/// </summary>
internal sealed class Markup : IDisposable
{
    private readonly StringBuilder _text = new();
    private readonly XmlWriter _writer;

    public Markup() => _writer = XmlWriter.Create(_text, new XmlWriterSettings
    {
        OmitXmlDeclaration = true,
        ConformanceLevel = ConformanceLevel.Fragment,
        NewLineChars = "\n",
    });

    /// <summary>A coordinate: two decimals are a hundredth of a pixel.</summary>
    public static string Coordinate(double value) => Math.Round(value, 2).ToString("0.##", CultureInfo.InvariantCulture);

    public Markup Open(string name, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        _writer.WriteStartElement(name);
        foreach ((string attribute, string value) in attributes) _writer.WriteAttributeString(attribute, Clean(value));
        return this;
    }

    public Markup Close()
    {
        _writer.WriteFullEndElement();
        return this;
    }

    /// <summary>Closes an element that HTML knows to be empty, such as meta.</summary>
    public Markup CloseVoid()
    {
        _writer.WriteEndElement();
        return this;
    }

    public Markup Text(string text)
    {
        _writer.WriteString(Clean(text));
        return this;
    }

    public Markup Line()
    {
        _writer.WriteWhitespace("\n");
        return this;
    }

    /// <summary>Markup that is well-formed already, such as a chart.</summary>
    public Markup Raw(string markup)
    {
        _writer.WriteRaw(markup);
        return this;
    }

    public Markup Element(string name, string text, params ReadOnlySpan<(string Name, string Value)> attributes) =>
        Open(name, attributes).Text(text).Close();

    public void Dispose() => _writer.Dispose();

    public override string ToString()
    {
        _writer.Flush();
        return _text.ToString();
    }

    private static string Clean(string text)
    {
        int bad = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) i++;
            else if (!XmlConvert.IsXmlChar(text[i])) bad++;
        }

        if (bad == 0) return text;
        var clean = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            clean.Append(rune.Value > 0xFFFF || XmlConvert.IsXmlChar((char)rune.Value) ? rune.ToString() : "\uFFFD");
        return clean.ToString();
    }
}
