using MnistCnn.Data;
using MnistCnn.Tests.TestKit;

namespace MnistCnn.Tests.Data;

public sealed class IdxReaderTests
{
    private static readonly byte[] Values = [.. Enumerable.Range(0, 24).Select(i => (byte)(i * 10))];
    private static readonly byte[] Good = IdxWriter.Bytes(Values, 2, 3, 4);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Reads_what_was_written(bool gzip)
    {
        var array = IdxReader.Parse(gzip ? IdxWriter.Gzip(Good) : Good, "file", 3);
        array.Shape.Should().Equal(2, 3, 4);
        array.Values.Should().Equal(Values);
    }

    [Fact]
    public void Reads_no_values() => IdxReader.Parse(IdxWriter.Bytes([], 0, 28, 28), "file", 3).Values.Should().BeEmpty();

    public static TheoryData<string, byte[], string> Damaged => new()
    {
        { "empty", [], "ends after 0 bytes, within its header" },
        { "magic only half there", Good[..3], "ends after 3 bytes, within its header" },
        { "header only half there", Good[..9], "ends after 9 bytes, within its header" },
        { "no values", Good[..16], "announces 2 x 3 x 4 values, but 0 follow" },
        { "a value missing", Good[..^1], "announces 2 x 3 x 4 values, but 23 follow" },
        { "a value too many", [.. Good, 1], "announces 2 x 3 x 4 values, but 25 follow" },
        { "text", "hello, world"u8.ToArray(), "not an IDX file of unsigned bytes: it begins with 68656C6C" },
        { "of floats", [0, 0, 0x0D, .. Good[3..]], "not an IDX file of unsigned bytes: it begins with 00000D03" },
        { "labels for images", IdxWriter.Bytes([1, 2, 3], 3), "has 1 dimensions where 3 are expected" },
        { "a negative length", IdxWriter.Bytes(Values, 2, -3, 4), "dimension 2 has the length -3" },
        { "lengths that overflow", IdxWriter.Bytes(Values, int.MaxValue, int.MaxValue, int.MaxValue), "but 24 follow" },
        { "cut-off gzip", IdxWriter.Gzip(Good)[..^12], "" },
        { "gzip with a flipped bit", FlipLastByteBut(9), "" },
        { "gzip with a wrong checksum", FlipLastByteBut(7), "gzip compression is damaged" },
        { "gzip of text", IdxWriter.Gzip("hello, world"u8.ToArray()), "not an IDX file" },
        { "gzip's magic alone", [0x1f, 0x8b], "" },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Says_what_is_wrong(string damage, byte[] content, string message)
    {
        var parse = () => IdxReader.Parse(content, "folder/file", 3);
        parse.Should().Throw<InvalidDataException>(because: damage).WithMessage($"folder/file: *{message}*.");
    }

    [Fact]
    public void Names_the_file_that_it_read()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["bad"], Good[..20]);
        var read = () => IdxReader.Read(folder["bad"], 3);
        read.Should().Throw<InvalidDataException>().WithMessage($"{folder["bad"]}: *");
    }

    private static byte[] FlipLastByteBut(int fromEnd)
    {
        var gzip = IdxWriter.Gzip(Good);
        gzip[^fromEnd] ^= 0xff;
        return gzip;
    }
}
