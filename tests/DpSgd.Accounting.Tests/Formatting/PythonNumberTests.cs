namespace DpSgd.Accounting.Tests.Formatting;

/// <summary>Expected texts are what Python 3 prints.</summary>
public class PythonNumberTests
{
    [Theory]
    [InlineData(18, "18.0")]
    [InlineData(1.3, "1.3")]
    [InlineData(10.2, "10.2")]
    [InlineData(0, "0.0")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(1e-5, "1e-05")]
    [InlineData(0.0001, "0.0001")]
    [InlineData(0.00012345, "0.00012345")]
    [InlineData(1.5e-7, "1.5e-07")]
    [InlineData(-2.5e-300, "-2.5e-300")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(1024, "1024.0")]
    [InlineData(123456789012345680, "1.2345678901234568e+17")]
    [InlineData(1e15, "1000000000000000.0")]
    [InlineData(1e16, "1e+16")]
    [InlineData(9007199254740993, "9007199254740992.0")]
    [InlineData(0.1 + 0.2, "0.30000000000000004")]
    [InlineData(1.7976931348623157e308, "1.7976931348623157e+308")]
    [InlineData(double.PositiveInfinity, "inf")]
    [InlineData(double.NegativeInfinity, "-inf")]
    [InlineData(double.NaN, "nan")]
    public void Repr_is_the_shortest_that_reads_back(double value, string expected) =>
        PythonNumber.Repr(value).Should().Be(expected);

    [Theory]
    [InlineData(0.41666666666666669, "0.417")]
    [InlineData(0.5631726490328035, "0.563")]
    [InlineData(100, "100")]
    [InlineData(10, "10")]
    [InlineData(1.0, "1")]
    [InlineData(0, "0")]
    [InlineData(999.4, "999")]
    [InlineData(999.6, "1e+03")]
    [InlineData(9.996, "10")]
    [InlineData(7801.056666, "7.8e+03")]
    [InlineData(0.00012345, "0.000123")]
    [InlineData(0.00009996, "0.0001")]
    [InlineData(0.00001234, "1.23e-05")]
    [InlineData(3.125, "3.12")]
    [InlineData(3.375, "3.38")]
    [InlineData(1.125, "1.12")]
    [InlineData(1.0049999999999999, "1")]
    [InlineData(-0.41666666666666669, "-0.417")]
    [InlineData(double.PositiveInfinity, "inf")]
    [InlineData(double.NaN, "nan")]
    public void General_keeps_three_digits_and_rounds_ties_to_even(double value, string expected) =>
        PythonNumber.General(value, 3).Should().Be(expected);

    [Theory]
    [InlineData(0.563173, 3, "0.564")]
    [InlineData(0.5, 3, "0.5")]
    [InlineData(0.50000000000000011, 6, "0.500001")]
    [InlineData(0.9999999, 6, "1")]
    [InlineData(6.5, 3, "6.5")]
    [InlineData(123456.01, 6, "123457")]
    [InlineData(1234567, 6, "1.23457e+06")]
    [InlineData(0, 6, "0")]
    [InlineData(5e-324, 3, "4.95e-324")]
    [InlineData(double.PositiveInfinity, 6, "inf")]
    public void Rounded_up_is_never_below(double value, int digits, string expected) => PythonNumber.GeneralUp(value, digits).Should().Be(expected);
}
