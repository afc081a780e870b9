using Google.Protobuf;

namespace DpSgd.ML.Export;

/// <summary>Writes the fields of one protocol buffer message by their numbers.</summary>
internal sealed class ProtoWriter : IDisposable
{
    private readonly CodedOutputStream _output;

    public ProtoWriter(Stream stream) => _output = new(stream, leaveOpen: true);

    public void Number(int field, long value)
    {
        _output.WriteTag(field, WireFormat.WireType.Varint);
        _output.WriteInt64(value);
    }

    public void Text(int field, string value)
    {
        _output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        _output.WriteString(value);
    }

    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        _output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        _output.WriteBytes(ByteString.CopyFrom(value));
    }

    public void Message(int field, Action<ProtoWriter> write)
    {
        using var content = new MemoryStream();
        using (var inner = new ProtoWriter(content))
            write(inner);
        Bytes(field, content.GetBuffer().AsSpan(0, (int)content.Length));
    }

    public void Dispose() => _output.Dispose();
}
